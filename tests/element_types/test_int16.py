"""An int16 element-wise path: between int8 tensors, between buffers of the caller, and what is refused."""

import dataclasses

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.ir.codec import DecodeError
from mcuq.ir.graph import Graph, Node, Port, Stage, Tensor
from mcuq.ir.integer import Rounding, dequantize_array, quantize_array
from mcuq.ir.store import check_program, program_from_npz, program_to_npz
from mcuq.ir.types import DType, QuantParams, freeze
from mcuq.kernels.portable.linear import PortableLinear
from mcuq.kernels.variant import StepShapes
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.linear import Linear
from mcuq.ops.log_softmax import LogSoftmax
from mcuq.ops.move import TransposeStep
from mcuq.ops.registry import STEP_OPS
from mcuq.ops.table import Requantize
from mcuq.pipeline.planning import plan_program
from mcuq.quantize.lower import lower_graph
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from mcuq.targets import load_target
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.image import build_image
from mcuq.verify.inputs import standard_inputs
from mcuq.verify.machines import run_image
from mcuq.verify.toolchain import find_toolchain
from tests.builders import ORIGIN, ProgramBuilder, quant, write_firmware
from tests.e2e.selftest_image import run_selftest
from tests.ops.examples import examples
from tests.tools import require

SHAPE = (1, 3, 7)
MACHINES = [
    ("host", "host"),
    ("cortex-m4", "emulator"),
    ("cortex-m0plus", "emulator"),
    ("rv32imc", "emulator"),
]


def wide(scale):
    return QuantParams((float(np.float32(scale)),), 0, DType.INT16)


def graph(nodes, params, inputs, outputs, shape=SHAPE):
    """A quantized graph whose tensors all have one shape."""
    tensors = {name: Tensor(name, shape, each.dtype, each) for name, each in params.items()}
    ports = [
        [Port(name, name, shape, tuple(range(len(shape)))) for name in names] for names in (inputs, outputs)
    ]
    return Graph(Stage.QUANTIZED, tuple(nodes), tensors, {}, *map(tuple, ports))


def path(ends=quant):
    """z = (a + b) * a in int16; with int8 ends it is converted before and behind."""
    names = ("a", "b", "z")
    params = {name: ends(0.03125) for name in names}
    params |= {"wa": wide(2.0**-10), "wb": wide(3 * 2.0**-12), "sum": wide(2.0**-9), "wz": wide(2.0**-9)}
    nodes = [
        Node("widen a", Requantize(), ("a",), ("wa",)),
        Node("widen b", Requantize(), ("b",), ("wb",)),
        Node("sum", Add(), ("wa", "wb"), ("sum",)),
        Node("product", Mul(), ("sum", "wa"), ("wz",)),
        Node("narrow", Requantize(), ("wz",), ("z",)),
    ]
    return graph(nodes, params, ["a", "b"], ["z"])


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize(("target", "on"), MACHINES)
@pytest.mark.parametrize("ends", [quant, wide], ids=["int8 ends", "int16 ends"])
def test_int16_path_is_bit_exact(tmp_path, ends, target, on, rounding):
    require("cc" if on == "host" else "unicorn")
    program = lower_graph(path(ends), rounding, ORIGIN)
    stored = program_to_npz(program)
    program = program_from_npz(stored, "stored", STEP_OPS)
    assert stored == program_to_npz(program)
    plan = plan_program(program, target)
    assert {"mcuq_add_s16", "mcuq_mul_s16"} <= {call.kernel.removesuffix("_dsp") for call in plan.calls}
    write_firmware(tmp_path / "firmware", plan)
    sanitize = ("address", "undefined") if on == "host" else ()
    inputs = standard_inputs(program, None, 20)
    report = verify_firmware(tmp_path / "firmware", plan, "net", inputs, on, sanitize=sanitize)
    assert report.first_difference is None
    assert report.values_compared > 22 * 5 * 21
    assert run_selftest(tmp_path / "firmware", tmp_path / "test", "net", target).failed == 0


def test_int16_path_computes_what_the_real_numbers_say():
    program = lower_graph(path(wide), Rounding.DOUBLE, ORIGIN)
    real = {
        name: np.linspace(-1, 1, 21, dtype=np.float32).reshape(1, *SHAPE) * k
        for name, k in (("a", 1), ("b", 0.5))
    }
    codes = quantize_inputs(program, real)
    assert {codes[0].dtype, codes[1].dtype} == {np.dtype(np.int16)}
    found = dequantize_outputs(program, simulate_program(program, codes))["z"]
    np.testing.assert_allclose(found, (real["a"] + real["b"]) * real["a"], atol=0.05)


def test_header_speaks_of_int16(tmp_path):
    plan = plan_program(lower_graph(path(wide), Rounding.DOUBLE, ORIGIN), "host")
    write_firmware(tmp_path, plan)
    header = (tmp_path / "include/net.h").read_text()
    assert "const int16_t *a; /* 42 bytes */" in header
    assert "#define NET_A_ALIGNMENT 2" in header
    assert "limited to int16" in (tmp_path / "include/net_quantize.h").read_text()
    assert (tmp_path / "README.md").read_text().splitlines()[2].startswith("int16 firmware for host")


def test_operator_without_int16_form_is_refused_by_name():
    params = {"x": wide(0.5), "y": quant(1 / 256, -128)}
    with pytest.raises(McuqError) as caught:
        lower_graph(
            graph([Node("last", LogSoftmax(), ("x",), ("y",))], params, ["x"], ["y"]), Rounding.DOUBLE, ORIGIN
        )
    (problem,) = caught.value.problems
    assert problem.code == "Q012"
    assert "log_softmax takes int8, found int16" in problem.why


def test_operands_of_two_types_are_refused_by_name():
    params = {"a": wide(0.5), "b": quant(0.5), "y": wide(0.5)}
    with pytest.raises(McuqError) as caught:
        lower_graph(
            graph([Node("sum", Add(), ("a", "b"), ("y",))], params, ["a", "b"], ["y"]),
            Rounding.DOUBLE,
            ORIGIN,
        )
    (problem,) = caught.value.problems
    assert problem.code == "Q012"
    assert "all of one type; found int16 and int8" in problem.why


def test_stored_step_refuses_other_types_by_name():
    program = lower_graph(path(), Rounding.DOUBLE, ORIGIN)
    (index,) = (number for number, step in enumerate(program.steps) if step.op.kind == "add")
    narrow = dataclasses.replace(program.steps[index].op, dtype=DType.INT8, lo=-128, hi=127)
    steps = list(program.steps)
    steps[index] = dataclasses.replace(steps[index], op=narrow)
    with pytest.raises(DecodeError, match=f"step {index}: add takes int8 inputs, found int16"):
        check_program(dataclasses.replace(program, steps=tuple(steps)))


def test_kernels_are_refused_by_the_types_they_take():
    """No kernel goes over five axes of int16; each one says why it does not."""
    builder = ProgramBuilder()
    x = builder.input((2, 3, 2, 3, 2), wide(0.5))
    builder.output(builder.step(TransposeStep((4, 2, 0, 3, 1), -32768, 32767), x))
    with pytest.raises(McuqError) as caught:
        plan_program(builder.program(), "host")
    (problem,) = caught.value.problems
    assert problem.code == "T004"
    assert "mcuq_strided_copy_s8: it takes int8 inputs, found int16" in problem.why
    assert "mcuq_strided_copy_s16: it " in problem.why


def test_int4_weights_are_refused_by_kernels_that_do_not_declare_them():
    (example,) = examples("linear", 1, Rounding.DOUBLE)
    params = example.op.params
    small = freeze(np.clip(params.weights, -8, 7))
    op = dataclasses.replace(
        example.op, params=dataclasses.replace(params, weights=small, weight_type=DType.INT4)
    )
    assert op.weight_bytes() == (small.size + 1) // 2
    refusal = PortableLinear(op, StepShapes.of(op, example.shapes)).refusal()
    assert refusal == "it takes int8 constants, found int4"
    with pytest.raises(ValueError, match="int4 codes"):
        dataclasses.replace(params, weights=freeze(np.full_like(params.weights, 8)), weight_type=DType.INT4)


def test_programs_of_int8_are_stored_without_types():
    builder = ProgramBuilder()
    (example,) = examples("add", 1, Rounding.DOUBLE)
    builder.output(builder.step(example.op, *map(builder.input, example.shapes)))
    text = program_to_npz(builder.program())
    assert b'"outputs": [\n' in text  # of the program; its one step has "output"
    assert b'"output": ' in text
    assert b'"state"' not in text
    assert text.count(b'"dtype"') == len(builder.tensors)


def test_linear_declares_its_weights():
    assert [(part.x, part.weights, part.bias) for part in Linear.weighted] == [(0, 1, 2)]


MAIN = """
#include "mcuq_harness_io.h"
#include "net_quantize.h"

int main(void)
{
    float real;
    while (mcuq_io_read(&real, sizeof real) != 0) {
        const int16_t code = net_quantize_a(real);
        const float value = net_dequantize_z(code);
        (void)mcuq_io_write(&code, sizeof code);
        (void)mcuq_io_write(&value, sizeof value);
    }
    return 0;
}
"""


@pytest.mark.parametrize("target", ["host", "cortex-m0plus"])
def test_int16_helpers_give_the_simulators_codes_and_values(tmp_path, target):
    core = load_target(target).core
    require("cc" if core.is_host else "unicorn")
    plan = plan_program(lower_graph(path(wide), Rounding.DOUBLE, ORIGIN), target)
    write_firmware(tmp_path, plan)
    (tmp_path / "main.c").write_text(MAIN)
    image = build_image(
        core,
        find_toolchain(core),
        [tmp_path / "main.c"],
        workdir=tmp_path / "build",
        include_dirs=[tmp_path / "include"],
        warnings=True,
    )
    # Ties and their neighbours, far beyond the codes, huge, tiny, infinite.
    ties = (np.arange(-70000, 70000, 97) + 0.5).astype(np.float32) * np.float32(0.03125)
    rng = np.random.default_rng(0)
    anything = rng.integers(0, 2**32, 500, dtype=np.uint32).view(np.float32)
    more = [3e38, -3e38, 0.0, np.inf, -np.inf]
    real = np.concatenate([ties, np.nextafter(ties, np.float32(np.inf)), anything, np.float32(more)])
    real = real[~np.isnan(real)]
    run = run_image(image, real.tobytes(), "host" if core.is_host else "unicorn")
    found = np.frombuffer(run.output, [("code", "<i2"), ("value", "<f4")])
    codes = quantize_array(real, 0.03125, 0, DType.INT16)
    np.testing.assert_array_equal(codes, found["code"])
    np.testing.assert_array_equal(dequantize_array(codes, 0.03125, 0), found["value"])
