"""Claimed stack holds against what a run paints, and both against the header's bound."""

import re
from pathlib import Path

import pytest

from mcuq.codegen.model_view import model_view
from mcuq.kernels.stack import RUN_BYTES, kernel_stacks, stack_bound
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.profile.stack import Frame, deepest, read_frames
from mcuq.targets import load_target
from mcuq.verify.machines.disassembly import Instruction
from tests.kernels import measured_stack
from tests.profile.helpers import build, need, stacks
from tests.shared_data import shared_file
from tests.tools import require_compiler

DIGITS = Path(__file__).resolve().parents[2] / "firmware_examples/digits/locked/digits.mcuq.npz"
GCC, ZIG = "gcc", "zig"


def frames(*lines):
    """Frames of `function: mnemonic operands`, one instruction every 4 bytes from 0x100 on."""
    code = []
    for index, line in enumerate(lines):
        function, text = line.split(": ")
        mnemonic, _, operands = text.partition(" ")
        code.append(Instruction(0x100 + 4 * index, 4, mnemonic, operands, function))
    return read_frames(code)


def test_stack_follows_the_deepest_call():
    found = frames(
        "root: push {r4-r7, lr}",
        "root: sub sp, #0x10",
        "root: bl #0x118",
        "root: add sp, #0x10",
        "root: pop.w {r4, r5, r6, r7, lr}",
        "root: b.w #0x120",
        "deep: push {r4, lr}",
        "deep: pop {r4, pc}",
        "flat: bx lr",
    )
    assert found["root"] == Frame(36, {"deep": 36, "flat": 0})
    assert deepest("root", found, {}) == 36 + 8
    assert deepest("root", found, {"deep": 100}) == 36 + 100


def test_frame_of_paths_that_exclude_each_other_is_the_larger():
    found = frames(
        "f: cbz r0, #0x110",
        "f: push {r4, lr}",
        "f: vpush {d8-d9}",
        "f: pop {r4, pc}",
        "f: push.w {r4, r5, r6, lr}",
        "f: bl #0x200",
        "f: pop {r4, r5, r6, pc}",
    )
    assert found["f"].bytes == 24


def test_frame_behind_a_jump_is_that_of_the_loop():
    found = frames(
        "f: sub.w sp, sp, #0x20",
        "f: b #0x110",
        "f: bl #0x118",
        "f: nop ",
        "f: bne #0x108",
        "f: bx lr",
        "g: nop ",
    )
    assert found["f"] == Frame(32, {"g": 32})


def test_frame_of_single_registers_counts():
    assert frames("f: str r4, [sp, #-4]!", "f: strd r4, r5, [sp, #-0x10]!", "f: bx lr")["f"].bytes == 20


def test_frames_of_risc_v_follow_relative_calls():
    found = frames(
        "f: c.addi16sp sp, -0x40",
        "f: c.jal 0x14",
        "f: auipc ra, 0",
        "f: jalr ra, ra, 0x10",
        "f: c.addi16sp sp, 0x40",
        "f: c.jr ra",
        "g: addi sp, sp, -0x10",
        "g: ret ",
    )
    assert found["f"] == Frame(64, {"g": 64})
    assert deepest("f", found, {}) == 80


def test_letters_of_an_address_are_no_register():
    found = frames(
        "f: addi sp, sp, -0x20",
        "f: auipc ra, 1",
        "f: jalr ra, ra, -0xff4",
        "f: ret ",
        "g: addi sp, sp, -0x50",
        "g: ret ",
    )
    assert found["f"].calls == {"g": 32}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "kind"),
    [
        *((core, GCC) for core in measured_stack.CORES),
        ("cortex-m7", ZIG),
        ("cortex-m55", ZIG),
        ("rv32imc", ZIG),
    ],
)
def test_claimed_stack_holds_on_every_core(tmp_path, target, kind):
    need(load_target(target).core, kind)
    claimed, painted = stacks(build(DIGITS, target, tmp_path), kind, "-O2", tmp_path / "image")
    assert 64 < painted <= claimed <= 2 * painted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("mlperf_tiny/models/kws_dscnn.onnx", "cortex-m4"),
        ("model_zoo/mltk_tflite_micro_speech.onnx", "cortex-m55"),
        ("model_zoo/tflm_hello_world.onnx", "cortex-m0plus"),
    ],
)
@pytest.mark.parametrize("kind", [GCC, ZIG])
def test_claimed_stack_and_bound_hold_for_real_networks(tmp_path, name, target, kind):
    need(load_target(target).core, kind)
    firmware = build(shared_file(name), target, tmp_path)
    claimed, painted = stacks(firmware, kind, "-O3", tmp_path / "image")
    bound = model_view(firmware.plan, "net", ()).stack_bytes
    assert painted <= claimed <= bound


BUILDS = [
    *(("cortex-m4", GCC, opt) for opt in ("-O0", "-Os", "-O2", "-O3")),
    *(("cortex-m4", ZIG, opt) for opt in ("-O0", "-Os", "-O3")),
    *(("cortex-m0plus", GCC, opt) for opt in ("-O0", "-O2")),
    *(("cortex-m0plus", ZIG, opt) for opt in ("-O0", "-O2")),
    *(("rv32imc", GCC, opt) for opt in ("-O0", "-O3")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "kind", "opt"), BUILDS)
def test_stack_bound_of_the_header_holds_when_painted(tmp_path, target, kind, opt):
    need(load_target(target).core, kind)
    firmware = build(DIGITS, target, tmp_path)
    header = (firmware.directory / "include/net.h").read_text()
    bound = int(re.search(r"^#define NET_STACK_BYTES (\d+)$", header, re.MULTILINE)[1])
    claimed, painted = stacks(firmware, kind, opt, tmp_path / "image")
    assert painted <= claimed <= bound


def test_every_kernel_of_every_core_has_its_stack():
    for name in measured_stack.CORES:
        for kernel in measured_stack.kernel_names(load_target(name).core):
            bound = stack_bound(name, [kernel])
            assert bound is not None, f"{kernel} on {name}: `make measure-kernels`"
            assert bound > RUN_BYTES


# What a model's own function takes where kernels are functions of their own: 32 at most on five networks.
RUN_FRAME_BYTES = 64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "opt"),
    [("cortex-m4", "-O2"), ("cortex-m4", "-O0"), ("cortex-m0plus", "-O3"), ("rv32imc", "-O2")],
)
def test_stated_stack_of_kernels_is_that_of_the_compiler(tmp_path, target, opt):
    """Where this fails after a change of kernels, `make measure-kernels` writes the figures again."""
    core = load_target(target).core
    require_compiler(core, GCC)
    measured = measured_stack.largest(core, [opt], tmp_path, [GCC])
    for kernel, (own, deep) in measured.items():
        stated = kernel_stacks(target)[kernel]
        if opt == "-O0":
            assert deep <= stated.unoptimized, kernel
            continue
        # A kernel that knows its parameters has the frame of one that is inlined, in a function of its own.
        assert own <= stated.inlined, kernel
        assert RUN_FRAME_BYTES + own + deep <= stack_bound(target, [kernel]), kernel


def test_bound_is_the_largest_frame_and_the_deepest_chain():
    known = [kernel_stacks("cortex-m0plus")[each] for each in ("mcuq_conv2d_s8", "mcuq_softmax_s8")]
    deepest = max(each.inlined for each in known) + max(each.deepest for each in known)
    most = RUN_BYTES + max(deepest, *(each.unoptimized for each in known))
    kernels = ["mcuq_conv2d_s8", "mcuq_softmax_s8", "mcuq_conv2d_s8"]
    assert most <= stack_bound("cortex-m0plus", kernels) < most + 8
    assert stack_bound("cortex-m0plus", ["mcuq_conv2d_s8_paired"]) is None


def test_header_of_the_host_states_no_stack():
    assert model_view(plan_program(load_program(DIGITS), "host"), "net", ()).stack_bytes is None
