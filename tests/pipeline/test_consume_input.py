"""Inputs that lie in the arena: the same bits, less memory, and C that says where they are."""

import dataclasses
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mcuq
from mcuq.ir.plan import MemoryRegion
from mcuq.ir.types import DType
from mcuq.ops.constant import CopyStep
from mcuq.options import QuantOptions
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.profile.profile import profile_firmware
from mcuq.simulator.simulate import trace_plan, trace_program
from mcuq.targets import load_target
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from tests.builders import ProgramBuilder, type_params, write_firmware
from tests.profile.helpers import need
from tests.tools import require

STORED = Path(__file__).resolve().parents[2] / "firmware_examples/digits/locked/digits.mcuq.npz"
CONSUMING = QuantOptions(consume_input=True)


def inputs_of(program):
    """Zeros, then standard ones."""
    tensors = [program.tensors[port.tensor] for port in program.inputs]
    zeros = [np.zeros((1, *tensor.shape), tensor.quant.dtype.numpy) for tensor in tensors]
    return standard_inputs(program, zeros, 2)


def build(target, folder, verify="none", options=CONSUMING):
    return mcuq.build(STORED, target, output=folder, name="net", verify=verify, options=options)


def test_strips_read_an_input_in_the_arena(tmp_path):
    require("cc")
    result = build("host", tmp_path / "net", "host", QuantOptions(consume_input=True, optimize="ram"))
    assert result.report.is_identical and result.plan.program.has_strips


@pytest.mark.parametrize(("target", "machine"), [("host", "host"), ("cortex-m4", "emulator")])
def test_no_bit_changes_and_the_input_takes_no_memory_of_its_own(tmp_path, target, machine):
    require("cc")
    need(load_target("cortex-m4").core)
    result = build(target, tmp_path / "net", machine)
    assert result.report.is_identical
    plan = result.plan
    place = plan.memory.places[plan.program.inputs[0].tensor]
    assert place.region is MemoryRegion.ARENA
    apart = plan_program(dataclasses.replace(plan.stored, consumes_inputs=False), target)
    assert plan.memory.arena_bytes < apart.memory.arena_bytes + 64
    header = (tmp_path / "net/include/net.h").read_text()
    assert f"#define NET_IMAGE_OFFSET {place.offset}\n" in header
    assert "static inline int8_t *net_input_image(void *arena)" in header
    assert "*image;" not in header


def test_a_stored_program_keeps_its_inputs_where_they_were(tmp_path):
    build("host", tmp_path / "one")
    stored = tmp_path / "one/net.mcuq.npz"
    assert load_program(stored).consumes_inputs
    again = mcuq.build(stored, "host", output=tmp_path / "two", name="net", verify="none")
    assert again.plan.program.consumes_inputs
    kept = QuantOptions(consume_input=False)
    apart = mcuq.build(stored, "host", output=tmp_path / "three", name="net", verify="none", options=kept)
    assert not apart.plan.program.consumes_inputs


def test_memory_in_the_simulator_is_that_of_the_device():
    program = dataclasses.replace(load_program(STORED), consumes_inputs=True)
    plan = plan_program(program, "cortex-m4")
    inputs = inputs_of(plan.program)
    expected = {index: ys for index, _, ys in trace_program(plan.program, inputs)}
    for index, _, ys in trace_plan(plan, inputs):
        assert all(map(np.array_equal, ys, expected[index]))


def test_self_test_and_infer_copy_inputs_into_the_arena(tmp_path):
    require("cc")
    build("host", tmp_path / "net")
    main = """#include "net_arena.h"
#include "net_selftest.h"
int main(void)
{
    static int8_t input[NET_IMAGE_ELEMS], output[NET_PROBABILITIES_ELEMS];
    net_selftest_result result;
    return net_selftest(net_arena, &result) + net_infer(input, output, net_arena)
        + (net_infer(NULL, output, net_arena) != NET_ERROR_NULL);
}
"""
    (tmp_path / "main.c").write_text(main)
    sources = [*(tmp_path / "net/src").glob("*.c"), tmp_path / "net/selftest/net_selftest.c"]
    sources += [*(tmp_path / "net/selftest").glob("*_data.c"), tmp_path / "main.c"]
    folders = [f"-I{tmp_path / 'net' / each}" for each in ("include", "src", "selftest")]
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-DNET_TRACE", *folders]
    subprocess.run(["cc", *flags, *map(str, sources), "-o", tmp_path / "test"], check=True)
    subprocess.run([tmp_path / "test"], check=True)


def test_inputs_of_several_types_lie_in_the_arena(tmp_path):
    require("cc")
    builder = ProgramBuilder()
    for dtype in (DType.INT8, DType.INT32):
        builder.output(builder.step(CopyStep(dtype), builder.input((1, 5), type_params(dtype))))
    program = dataclasses.replace(builder.program(), consumes_inputs=True)
    plan = plan_program(program, "host")
    write_firmware(tmp_path, plan)
    inputs = inputs_of(program)
    assert verify_firmware(tmp_path, plan, "net", inputs, "host").first_difference is None


def test_profile_counts_the_input_once(tmp_path):
    need(load_target("cortex-m4").core)
    result = build("cortex-m4", tmp_path / "net")
    profile = profile_firmware(result.directory, result.plan, "net")
    assert profile.arena_bytes == result.plan.memory.arena_bytes and profile.io_bytes == 10
