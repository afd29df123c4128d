"""The proofs that lowering owes: accumulators, shifts, clamp limits, memory of outputs."""

import numpy as np
import onnx
import pytest
from onnx import helper

from mcuq.errors import McuqError
from mcuq.ir.integer import Requant, Rounding
from mcuq.ir.op import Clamp, LoweringRefusal, Operand
from mcuq.ir.types import DType, QuantParams
from mcuq.ops.weighted import lower_weighted, prove_accumulator
from mcuq.pipeline.build import build
from mcuq.pipeline.stored import load_program
from mcuq.simulator.simulate import simulate_program
from mcuq.verify.firmware import verify_firmware
from mcuq.verify.inputs import standard_inputs
from tests.builders import quant
from tests.ops.plain import quantize_multiplier
from tests.small_models import Net, save
from tests.tools import require

LIMIT = 2**31 - 1


def operand(zero_point=0, lo=-128, hi=127):
    return Operand((), quant(1.0, zero_point), None, lo, hi)


def scales(*shifts):
    return Requant((2**30,) * len(shifts), shifts, Rounding.DOUBLE)


def proved(x, weights, bias, *shifts):
    try:
        prove_accumulator(x, np.array(weights, np.int8), np.array(bias, np.int32), scales(*shifts))
    except LoweringRefusal as refusal:
        assert refusal.code == "Q002"
        return refusal
    return None


def brute_force(x, row, bias):
    """The largest magnitude of any partial sum of one channel, in any order, centred or folded.

    The zero point is added to the whole sum: 256 leave it room.
    """
    zero = x.quant.zero_point
    worst = 0
    centred = [[(q - zero) * w for q in (x.lo, x.hi)] for w in row]
    folded = [[q * w for q in (x.lo, x.hi)] for w in row]
    for start, terms in ((bias, centred), (bias - zero * sum(row), folded)):
        above = sum(max(*term, 0) for term in terms) + max(start, 0)
        below = sum(min(*term, 0) for term in terms) + min(start, 0)
        worst = max(worst, above, -below)
    whole = [bias + sum(limit(*term, 0) for term in centred) for limit in (max, min)]
    return max(worst, *(abs(value) + 256 for value in whole))


def test_bound_is_exact_to_the_last_unit():
    rng = np.random.default_rng(0)
    for _ in range(200):
        zero = int(rng.integers(-128, 128))
        lo, hi = sorted(int(v) for v in rng.integers(-128, 128, 2))
        x = operand(zero, lo, hi)
        row = [int(v) for v in rng.integers(-127, 128, rng.integers(1, 6))]
        fits, fails = 2**30, LIMIT
        while fails - fits > 1:
            middle = (fits + fails) // 2
            fits, fails = (middle, fails) if brute_force(x, row, middle) <= LIMIT else (fits, middle)
        assert proved(x, [row], [fits], 0) is None
        assert proved(x, [row], [fails], 0) is not None


def test_66311_taps_are_always_safe_and_one_more_is_not():
    """docs/numerics.md: any weights, any zero point, no bias."""
    for zero in (-128, 0, 127):
        for sign in (1, -1):
            row = np.full((1, 66311), 127 * sign)
            assert proved(operand(zero), row, [0], 0) is None
    row = np.full((1, 66312), 127)
    assert proved(operand(-128), row, [0], 0) is not None


def test_partial_sums_without_the_bias_count():
    """The bias lifts the whole sum back into int32; some order of sums has it last."""
    row = np.full((1, 66312), -127)
    assert proved(operand(-128), row, [2**20], 0) is not None
    assert proved(operand(-128, hi=126), row, [2**20], 0) is None


def test_narrow_producers_leave_room():
    row = np.full((1, 66312), 127)
    assert proved(operand(-128, hi=126), row, [0], 0) is None


def test_left_shifts_count_for_their_own_channel_alone():
    x, weights = operand(), [[100, 100], [100, 100]]
    assert proved(x, weights, [0, 0], 15, 0) is None
    assert proved(x, weights, [0, 0], 17, 0) is not None
    # The large channel shifts right, the small one left.
    assert proved(x, [[1, 0], [127, 127]], [0, 2**30], 20, -5) is None
    refusal = proved(x, [[1, 0], [127, 127]], [0, 2**30], -5, 2)
    assert refusal.channel == 1


def test_refusal_names_the_channel_and_both_numbers():
    refusal = proved(operand(), [[1], [1], [127]], [0, 0, LIMIT], 0, 0, 0)
    assert refusal.channel == 2
    assert "2_147_500_032" in refusal.why
    assert "2_147_483_647" in refusal.why


def test_effective_scales_are_computed_in_double_precision_in_order():
    """docs/numerics.md R1: double(s_x) * double(s_w) / double(s_y)."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        sx, sw, sy = (float(np.float32(v)) for v in np.exp(rng.uniform(-9, 2, 3)))
        w = Operand((1, 2), QuantParams((sw,), 0, DType.INT8, 0), np.array([[3, 4]], np.int8))
        b = Operand((1,), QuantParams((1.0,), 0, DType.INT32, 0), np.array([5], np.int32))
        params = lower_weighted(
            Operand((1, 2), quant(sx, 3)), w, b, Operand((1, 1), quant(sy, -4)), Clamp(), Rounding.DOUBLE
        )
        expected = quantize_multiplier(sx * sw / sy)
        assert expected == (params.requant.multiplier[0], params.requant.shift[0])


@pytest.mark.parametrize(
    ("clamp", "scale", "zero_point", "expected"),
    [
        (Clamp(), 0.1, 0, (-128, 127)),
        (Clamp(0.0), 0.1, -128, (-128, 127)),
        (Clamp(0.0), 0.1, 5, (5, 127)),
        (Clamp(0.0, 6.0), 6 / 255, -128, (-128, 127)),
        (Clamp(0.0, 6.0), 0.1, -100, (-100, -40)),
        # Ties away from zero: 6 / 0.16 = 37.5 (in double, of the stored single).
        (Clamp(-0.25, 0.25), 0.5, 0, (-1, 1)),
        (Clamp(-1e30, 1e30), 1e-30, 3, (-128, 127)),
        (Clamp(2.0, 2.0), 0.5, 0, (4, 4)),
    ],
)
def test_clamp_codes(clamp, scale, zero_point, expected):
    assert expected == clamp.codes(quant(scale, zero_point))


def test_input_that_is_an_output_and_outputs_that_are_one(tmp_path):
    """Every output has memory of its own; an input's is not written."""
    require("cc")
    net = Net(x=[1, 4], y=[1, 4])
    same = net.add("Identity", "x")
    first = net.add("Relu", "y")
    second = net.add("Identity", first)
    third = net.add("Reshape", first, net.const(np.array([4, 1])))
    model = net.model(same, first, second, third)
    result = build(save(model, tmp_path), "host", output=tmp_path / "out", verify="none")
    program = result.plan.program
    storages = [program.storage(port.tensor) for port in (*program.inputs, *program.outputs)]
    assert len(storages) == len(set(storages)) == 6
    inputs = standard_inputs(program, None, 3)
    report = verify_firmware(
        result.directory, result.plan, result.name, inputs, sanitize=("address", "undefined")
    )
    assert report.first_difference is None


@pytest.mark.parametrize("keepdims", [0, 1])
def test_index_that_is_two_outputs(tmp_path, keepdims):
    """Indices are int32: a copy of codes would move one byte of each."""
    require("cc")
    net = Net(x=[1, 3, 300])
    first = net.add("ArgMax", "x", axis=2, keepdims=keepdims)
    second = net.add("Identity", first)
    model = net.model()
    for name in (first, second):
        shape = [1, 3, 1] if keepdims else [1, 3]
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.INT64, shape))
    result = build(save(model, tmp_path), "host", output=tmp_path / "out", name="net", verify="none")
    program = load_program(tmp_path / "out" / "net.mcuq.npz")
    inputs = standard_inputs(program, None, 6)
    found = simulate_program(program, inputs)
    for indices in found:
        np.testing.assert_array_equal(inputs[0].argmax(axis=-1).ravel(), indices.ravel())
    report = verify_firmware(result.directory, result.plan, "net", inputs, sanitize=("address", "undefined"))
    assert report.first_difference is None


def test_all_refusals_of_lowering_at_once(tmp_path):
    net = Net(x=[1, 5000], y=[1, 6000])
    tops = [net.add("Softmax", name, axis=1, name=f"softmax {name}") for name in ("x", "y")]
    with pytest.raises(McuqError) as error:
        build(save(net.model(*tops), tmp_path), "host", output=tmp_path / "out", verify="none")
    assert [problem.code for problem in error.value.problems] == ["Q004", "Q004"]
