"""The cycle table, pinned on small sequences: sums by hand from the Technical Reference Manual's rules."""

import pytest

from mcuq.profile.cycles import block_cost, load_cycle_model
from mcuq.targets import load_target
from mcuq.verify.toolchain import find_toolchain
from tests.tools import require

SEQUENCES = {
    "alu": ("add r0, r1\n mul r0, r1\n smlad r2, r3, r4, r5\n sxtb16 r6, r7", 4, 4, 0),
    "one load": ("ldr r0, [r1]", 1, 2, 0),
    "two loads in a row": ("ldr r0, [r1]\n ldr r2, [r3]", 2, 3, 0),
    "a load that depends on one": ("ldr r0, [r1]\n ldr r2, [r0]", 2, 4, 0),
    "a load behind what computes its address": ("add r1, r2\n ldr r0, [r1]", 2, 4, 0),
    "a store": ("str r0, [r1]", 1, 1, 0),
    "loads apart": ("ldr r0, [r1]\n add r4, r5\n ldr r2, [r3]", 3, 5, 0),
    "push and pop": ("push {r4-r7, lr}\n pop {r4-r7}", 2, 11, 0),
    "return by pop": ("pop {r4, pc}", 1, 6, 0),
    "load double": ("ldrd r0, r1, [r2]", 1, 3, 0),
    "divide": ("sdiv r0, r1, r2", 1, 7, 0),
    "long multiply": ("smull r0, r1, r2, r3", 1, 1, 0),
    "direct branch": ("1: cmp r0, r1\n bne 1b", 2, 2, 2),
    "return": ("bx lr", 1, 4, 0),
    "jump that loads its target": ("ldr pc, [sp]", 1, 5, 0),
    "direct jump": ("1: b 1b", 1, 3, 0),
    "conditional instructions": ("cmp r0, r1\n it lt\n movlt r0, r1", 3, 3, 0),
    "the product's inner step": (
        "ldr r12, [r1, #0]\n ldr r2, [r0, #0]\n ldr r3, [r0, #4]\n"
        "sxtb16 lr, r12\n sxtb16 r12, r12, ror #8\n"
        "smlad r4, lr, r2, r4\n smlad r5, lr, r3, r5\n smlad r8, r12, r2, r8\n smlad r9, r12, r3, r9\n"
        "ldr r2, [r0, #8]\n ldr r3, [r0, #12]\n"
        "smlad r6, lr, r2, r6\n smlad r7, lr, r3, r7\n smlad r10, r12, r2, r10\n smlad r11, r12, r3, r11",
        15,
        17,
        0,
    ),
}


@pytest.fixture(scope="module")
def assemble(tmp_path_factory):
    require("arm-none-eabi-gcc")
    elftools = pytest.importorskip("elftools.elf.elffile")
    toolchain = find_toolchain(load_target("cortex-m4").core, "gcc")
    folder = tmp_path_factory.mktemp("sequences")

    def run(text: str) -> bytes:
        source = folder / "sequence.S"
        source.write_text(f".syntax unified\n.thumb\n.text\n{text}\n", "utf-8")
        (made,) = toolchain.compile([source], workdir=folder)
        with made.open("rb") as stream:
            return elftools.ELFFile(stream).get_section_by_name(".text").data()

    return run


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_block_costs_what_the_manual_says(assemble, name):
    text, instructions, cycles, refill = SEQUENCES[name]
    cost = block_cost(assemble(text), 0x100, load_cycle_model("cortex-m4"))
    assert (instructions, cycles, refill) == (cost.instructions, cost.cycles, cost.refill)


def test_cortex_m3_multiplies_long_more_slowly(assemble):
    code = assemble("smull r0, r1, r2, r3\n mla r0, r1, r2, r3")
    assert block_cost(code, 0, load_cycle_model("cortex-m4")).cycles == 2
    assert block_cost(code, 0, load_cycle_model("cortex-m3")).cycles == 6


def test_no_model_is_claimed_where_none_is_validated():
    assert [load_cycle_model(core) for core in ("cortex-m0plus", "cortex-m7", "cortex-m33")] == [None] * 3
