"""Kernels lie in the section that an application names."""

import pytest
from elftools.elf.elffile import ELFFile

from mcuq.targets import load_target
from mcuq.verify.image import support_include_dirs
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require_compiler

SECTION = ".ram_code"


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_kernels_lie_in_the_section_that_is_named(firmware, tmp_path, compiler):
    core = load_target("cortex-m4").core
    require_compiler(core, compiler)
    toolchain = find_toolchain(core, compiler)
    flag = f'-DMCUQ_HOT=__attribute__((section("{SECTION}"), noinline))'
    sizes = {}
    for name, flags in (("hot", [flag]), ("plain", [])):
        (tmp_path / name).mkdir()
        (compiled,) = toolchain.compile(
            [firmware / "src" / "digits.c"],
            workdir=tmp_path / name,
            include_dirs=[firmware / "include", firmware / "src", *support_include_dirs(core)],
            opt="-O2",
            extra_flags=flags,
        )
        with compiled.open("rb") as file:
            elf = ELFFile(file)
            sizes[name] = sum(s["sh_size"] for s in elf.iter_sections() if s.name.startswith(SECTION))
    assert sizes["plain"] == 0 and sizes["hot"] > 2_000


@pytest.mark.parametrize(
    ("macro", "source", "least"),
    [("MCUQ_CONSTANTS", "src/digits_weights.c", 9_000), ("MCUQ_ARENA", "arena.c", 2_000)],
)
def test_constants_and_arena_lie_in_the_section_that_is_named(firmware, tmp_path, macro, source, least):
    core = load_target("cortex-m4").core
    require_compiler(core, "gcc")
    use = "void *arena(void);\nvoid *arena(void)\n{\n    return digits_arena;\n}\n"
    (firmware / "arena.c").write_text(f'#include "digits_arena.h"\n{use}')
    for flags, expected in (([f'-D{macro}=__attribute__((section("{SECTION}")))'], True), ([], False)):
        (compiled,) = find_toolchain(core, "gcc").compile(
            [firmware / source],
            workdir=tmp_path,
            include_dirs=[firmware / "include", firmware / "src", *support_include_dirs(core)],
            extra_flags=flags,
            warnings=True,
        )
        with compiled.open("rb") as file:
            found = [s["sh_size"] for s in ELFFile(file).iter_sections() if s.name.startswith(SECTION)]
        assert (sum(found) >= least) == expected
