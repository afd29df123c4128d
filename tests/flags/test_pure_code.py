"""Code that may only be executed holds nothing that has to be read."""

import pytest
from elftools.elf.elffile import ELFFile

from mcuq.ir.integer import Rounding
from mcuq.targets import load_target
from mcuq.verify.image import support_include_dirs
from mcuq.verify.toolchain import find_toolchain
from tests.builders import write_firmware
from tests.kernels.contract import contract
from tests.tools import require_compiler

EXECUTED = 0x4
PURE = 0x20000000


def sections_of_code(path):
    """Each with its flags and whether the assembler marked data in it."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        data = {
            symbol["st_shndx"]
            for symbol in elf.get_section_by_name(".symtab").iter_symbols()
            if symbol.name.split(".")[0] == "$d"
        }
        return [
            (section["sh_flags"], index in data)
            for index, section in enumerate(elf.iter_sections())
            if section["sh_flags"] & EXECUTED and section["sh_size"]
        ]


def compile_every_kernel(core, folder, flags):
    """What every kernel that is made for the core consists of."""
    target = load_target(core).core
    require_compiler(target, "gcc")
    plan = contract(Rounding.DOUBLE, core, target.isa, 1, only_isa=target.isa[0], seed=3).plan
    firmware = write_firmware(folder / "net", plan, isa=target.isa)
    made = find_toolchain(target, "gcc").compile(
        [firmware / "src" / "net.c"],
        workdir=folder,
        include_dirs=[firmware / "include", firmware / "src", *support_include_dirs(target)],
        opt="-O1",
        extra_flags=flags,
    )
    return sections_of_code(made[0])


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_pure_code_holds_no_data(core, tmp_path):
    found = compile_every_kernel(core, tmp_path, ["-mpure-code"])
    assert len(found) > 1
    assert {bool(flags & PURE) for flags, _ in found} == {True}
    assert [has_data for _, has_data in found if has_data] == []


def test_data_among_code_is_seen(tmp_path):
    assert any(has_data for _, has_data in compile_every_kernel("cortex-m0plus", tmp_path, []))
