"""Weights, biases and inputs of any size: integers that fit, or a refusal that names the layer."""

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.errors import McuqError
from mcuq.pipeline.build import build
from mcuq.pipeline.calibration import CalibrationData
from mcuq.simulator.simulate import trace_plan, trace_program
from mcuq.verify.inputs import standard_inputs
from tests.cli.runner import run
from tests.small_models import Net, save

WEIGHTS = (0.0, 1e-45, 1e-38, 1.0, 1e20, 3e38)
BIASES = (0.0, 1e-45, 1.0, 1e20, -3e38)
INPUTS = (0.0, 1e-45, 1e-38, 1.0, 1e30, 3e38)


def compile_model(model, folder, inputs, **options):
    data = CalibrationData(Samples.from_arrays(inputs)) if inputs else None
    return build(
        save(model, folder), "host", calibration=data, output=folder / "out", verify="none", **options
    ).plan


def ramp(value, size):
    """Samples `[5, 1, size]` from -value to value."""
    steps = np.linspace(-1, 1, 5, dtype=np.float32)[:, None, None]
    return np.full((5, 1, size), value, np.float32) * steps


def gemm(weights, bias, **inputs):
    net = Net(x=[1, len(weights[0])])
    w, b = (net.const(np.array(values, np.float32)) for values in (weights, bias))
    return net.model(net.add("Gemm", "x", w, b, transB=1, name="fc"))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("bias", BIASES)
def test_layer_of_any_size(tmp_path, weight, bias):
    for number, value in enumerate(INPUTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            plan = compile_model(
                gemm([[weight, -weight], [0, weight]], [bias, 0]), folder, {"x": ramp(value, 2)}
            )
        except McuqError as error:
            assert {problem.code for problem in error.problems} <= {"Q001", "Q002", "Q003"}
            assert not (folder / "out").exists()
            continue
        (step,) = plan.program.steps
        assert np.abs(step.op.params.bias.astype(np.int64)).max() <= 2**30 + 1
        inputs = standard_inputs(plan.program, None, 2)
        found = [y for _, _, (y,) in trace_plan(plan, inputs)]
        expected = [y for _, _, (y,) in trace_program(plan.program, inputs)]
        np.testing.assert_array_equal(expected, found)


def test_refusals_name_every_layer(tmp_path):
    net = Net(x=[1, 2])
    tops = []
    for name in ("first", "second"):
        w, b = net.const(np.eye(2, dtype=np.float32)), net.const(np.full(2, 3e38, np.float32))
        tops.append(net.add("Gemm", "x", w, b, transB=1, name=name))
    with pytest.raises(McuqError) as error:
        compile_model(net.model(*tops), tmp_path, {"x": ramp(1e-37, 2)})
    assert [problem.code for problem in error.value.problems] == ["Q003", "Q003"]
    for problem, name in zip(error.value.problems, ("first", "second"), strict=True):
        assert f"'{name}'" in problem.where
        assert "3e+38" in problem.why


def difference(weight):
    """A sum that cancels: its range is a tiny part of its operands'."""
    net = Net(x=[1, 4])
    scaled = net.add("Gemm", "x", net.const(np.eye(4) * (1 + weight)), net.const(np.zeros(4)), transB=1)
    plain = net.add("Gemm", "x", net.const(np.eye(4)), net.const(np.zeros(4)), transB=1)
    return net.model(net.add("Sub", scaled, plain, name="cancels"))


def test_additions_whose_left_shift_would_overflow_are_refused(tmp_path):
    data = {"x": np.random.default_rng(0).normal(size=(20, 1, 4)).astype(np.float32)}
    outcomes = set()
    for number, weight in enumerate((0.1, 1e-3, 1e-5, 2e-6, 5e-7, 2.4e-7, 1.2e-7)):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            plan = compile_model(difference(weight), folder, data)
        except McuqError as error:
            (problem,) = error.problems
            assert problem.code == "Q003"
            assert "'cancels'" in problem.where
            outcomes.add(problem.code)
        else:
            step = plan.program.steps[-1].op
            assert (255 << 20) << step.y_requant.max_left_shift < 2**31
            outcomes.add(min(step.y_requant.max_left_shift, 1))
    # Right shifts, left shifts that fit, and those that do not.
    assert outcomes == {0, 1, "Q003"}


def test_means_whose_left_shift_would_overflow_are_refused(tmp_path):
    net = Net(x=[1, 1, 64, 64])
    model = net.model(net.add("GlobalAveragePool", "x", name="mean"))
    values = np.ones((8, 1, 1, 64, 64), np.float32)
    values[..., ::2] = -1
    values += np.linspace(0, 1e-7, 8, dtype=np.float32)[:, None, None, None, None]
    try:
        plan = compile_model(model, tmp_path, {"x": values})
    except McuqError as error:
        (problem,) = error.problems
        assert problem.code == "Q003"
        assert "'mean'" in problem.where
    else:
        step = plan.program.steps[-1].op
        assert (255 * 4096) << step.requant.max_left_shift < 2**31


@pytest.mark.parametrize(("lo", "hi"), [(0.0, 3e38), (-3e38, 3e38), (0.0, 1e-38), (-1e-44, 0.0), (5.0, 6.0)])
def test_input_ranges_of_any_size(tmp_path, lo, hi):
    net = Net(x=[1, 4])
    path = save(net.model(net.add("Relu", "x")), tmp_path)
    done = run(
        "build", path, "--target", "host", f"--input-range=x={lo!r}:{hi!r}", "--output", tmp_path / "out"
    )
    assert done.code == 0, done.err
