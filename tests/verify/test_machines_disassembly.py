import sys

import pytest

from mcuq.errors import McuqError
from mcuq.targets import load_target
from mcuq.verify.image import build_image
from mcuq.verify.machines.disassembly import Instruction, disassemble, mnemonics, outside_v6m
from mcuq.verify.machines.elf import read_elf
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require, require_compiler

# A divide, a 64-bit multiply, a jump table, floats and a memory barrier; constants lie between the code.
PROGRAM = """
#include <stdint.h>
#include "mcuq_harness_io.h"
__attribute__((noinline)) int64_t product(int32_t a, int32_t b);
__attribute__((noinline)) int32_t choose(int32_t a);
int64_t product(int32_t a, int32_t b) { return (int64_t)a * b + 0x123456789aLL; }
int32_t choose(int32_t a)
{
    switch (a) {
    case 0: return 70001;
    case 1: return a * 3;
    case 2: return a / 7;
    case 3: return -50000;
    case 4: return a ^ 0x55;
    case 5: return a << 3;
    default: return 0;
    }
}
int main(void)
{
    int32_t x = 0;
    float f;
    mcuq_io_read(&x, sizeof x);
    f = (float)x * 0.1f;
    __asm__ volatile(BARRIER ::: "memory");
    return (int)(product(x, choose(x)) / (x + 9)) + (int)f;
}
"""


def build(core_name, compiler, folder, text=PROGRAM, barrier='"dmb"', opt="-O2"):
    core = load_target(core_name).core
    require("capstone")
    require("pyelftools")
    require_compiler(core, compiler)
    (folder / "code.c").write_text(text, "utf-8")
    return build_image(
        core,
        find_toolchain(core, compiler),
        [folder / "code.c"],
        workdir=folder,
        defines={"BARRIER": barrier},
        opt=opt,
    )


@pytest.mark.parametrize("opt", ["-O1", "-O3", "-Os"])
@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_machines_disassembly_of_v6m_holds_v6m_only(tmp_path, compiler, opt):
    instructions = disassemble(build("cortex-m0plus", compiler, tmp_path, opt=opt))
    assert [str(each) for each in outside_v6m(instructions)] == []
    assert {"main", "product", "choose", "mcuq_reset"} <= {each.function for each in instructions}
    assert {"bl", "dmb"} <= {each.mnemonic for each in instructions if each.bytes == 4}


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_machines_disassembly_finds_what_v6m_lacks(tmp_path, compiler):
    offending = outside_v6m(disassemble(build("cortex-m3", compiler, tmp_path)))
    found = {(each.mnemonic.split(".")[0], each.function) for each in offending}
    assert ("smull", "product") in found or ("smlal", "product") in found
    assert {"choose", "main"} <= {function for _, function in found}


@pytest.mark.parametrize(
    ("assembly", "mnemonic"),
    [
        (".inst.n 0xb108", "cbz"),
        (".inst.n 0xbf08; .inst.n 0x2001", "it"),
        (".inst.w 0xfb20f001", "smuad"),
        (".inst.w 0xfb90f0f1", "sdiv"),
    ],
)
def test_machines_disassembly_finds_smuggled_instructions(tmp_path, assembly, mnemonic):
    # As numbers: the assembler refuses the names on v6-M.
    image = build("cortex-m0plus", "gcc", tmp_path, barrier=f'"{assembly}"')
    (first, *_) = outside_v6m(disassemble(image))
    assert (first.mnemonic, first.function) == (mnemonic, "main")


@pytest.mark.parametrize(
    ("bytes_", "mnemonic", "is_inside"),
    [(2, "adds", True), (2, "it", False), (2, "ittee", False), (2, "cbnz", False), (4, "bl", True),
     (4, "mrs", True), (4, "adds.w", False), (2, "?", False), (4, "?", False)],
)  # fmt: skip
def test_machines_disassembly_judges_by_length_and_name(bytes_, mnemonic, is_inside):
    each = Instruction(0x100, bytes_, mnemonic, "r0", "f")
    assert is_inside == (outside_v6m([each]) == ())
    assert str(each) == f"{mnemonic} r0 at 0x00000100 in 'f'"


def test_machines_disassembly_shows_the_mnemonics(tmp_path):
    assert {"smlal", "vmul.f32", "bkpt"} <= mnemonics(build("cortex-m4", "gcc", tmp_path))
    assert {"mulh", "ebreak", "c.swsp"} & mnemonics(build("rv32imc", "gcc", tmp_path, barrier='"fence"'))


def test_machines_disassembly_goes_on_behind_what_it_does_not_know(tmp_path):
    # Low-overhead loops of Armv8.1-M are newer than the disassembler.
    image = build("cortex-m55", "gcc", tmp_path, barrier='"dls lr, r0\\n1: le lr, 1b"')
    instructions = disassemble(image)
    assert len([each for each in instructions if each.mnemonic == "?" and each.function == "main"]) >= 2
    code = sum(len(contents) for _, contents in read_elf(image.path).code)
    assert 0.7 * code < sum(each.bytes for each in instructions) <= code


def test_machines_disassembly_without_capstone_is_refused(tmp_path, monkeypatch):
    image = build("cortex-m4", "gcc", tmp_path)
    monkeypatch.setitem(sys.modules, "capstone", None)
    with pytest.raises(McuqError, match=r"error\[T002\]: the Python package 'capstone'"):
        disassemble(image)


def test_machines_elf_knows_functions(tmp_path):
    elf = read_elf(build("cortex-m4", "gcc", tmp_path).path)
    start = elf.symbols["choose"] & ~1
    assert elf.function_at(start).name == elf.function_at(start + 2).name == "choose"
    assert elf.function_at(0x1FFFFFFF) is None
    assert elf.describe(start) == f"pc {start:#010x} in 'choose'"
    assert elf.describe(0x70000000) == "pc 0x70000000 in no function"
