"""Shapes that the model leaves open, fixed by the user."""

import numpy as np
import pytest
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.evaluate import evaluate
from tests.cli.runner import refused as refused_call
from tests.cli.runner import run

OPEN = ("batch", 3, "height", "width")


def dynamic_model(folder, shape=OPEN):
    net = Net(17, x=shape)
    y = net.add("Relu", net.conv("x", 3, 4, (3, 3), pads=[1, 1, 1, 1]))
    size = net.add("Slice", net.add("Shape", y), net.const(np.array([0])), net.const(np.array([2])))
    y = net.add("Reshape", y, net.add("Concat", size, net.const(np.array([-1])), axis=0))
    return save(net.model(net.add("ReduceMean", y, axes=[2], keepdims=0)), folder)


def refused(folder, shapes, model_shape=OPEN):
    with pytest.raises(McuqError) as caught:
        read(dynamic_model(folder, model_shape), shapes)
    return caught.value.problems


def test_input_shapes_make_a_model_static(tmp_path):
    graph = read(dynamic_model(tmp_path), {"x": (2, 3, 8, 6)}).graph
    assert graph.inputs[0].model_shape == (2, 3, 8, 6)
    assert graph.outputs[0].model_shape == (2, 4)


def test_input_shapes_of_an_input_without_rank(tmp_path):
    path = dynamic_model(tmp_path)
    assert read(path, {"x": (1, 3, 8, 6)}).graph.inputs[0].model_shape == (1, 3, 8, 6)


def test_input_shapes_are_what_the_refusal_asks_for(tmp_path):
    (problem,) = refused(tmp_path, {})
    assert (problem.code, problem.why) == ("M006", "axis 2 has size 'height'")
    assert "--input-shape 'x=batch,3,height,width'" in problem.fix


@pytest.mark.parametrize("shape", [(1, 4, 8, 6), (1, 3, 8), (1, 3, 8, 6, 1)])
def test_input_shapes_must_fit(shape, tmp_path):
    (problem,) = refused(tmp_path, {"x": shape})
    assert problem.code == "O001" and "batch,3,height,width" in problem.why


def test_input_shapes_name_inputs(tmp_path):
    (problem,) = refused(tmp_path, {"y": (1, 3, 8, 6)})
    assert problem.code == "O001" and problem.why == "its inputs are 'x'"


def test_input_shapes_travel_to_the_evaluation(tmp_path):
    path = dynamic_model(tmp_path)
    samples = tmp_path / "x.npy"
    np.save(samples, np.random.default_rng(0).normal(size=(8, 3, 8, 6)).astype(np.float32))
    options = QuantOptions(input_shapes={"x": (1, 3, 8, 6)})
    result = build(path, "host", output=tmp_path / "out", verify="none", options=options)
    assert ("input-shape.x", "1,3,8,6") in result.plan.program.origin.options
    scores = evaluate(tmp_path / "out", path, samples, None, None).outputs
    assert next(iter(scores.values())).sqnr_db > 10  # ranges are synthetic


def test_input_shapes_on_the_command_line(tmp_path):
    call = ["build", dynamic_model(tmp_path), "--target", "host", "--verify", "none", "--json"]
    call += ["--output", tmp_path / "out", "--input-shape"]
    assert run(*call, "x=1,3,8,6").json
    for bad in ("x", "x=", "x=1,,2", "x=1,-3", "x=0,3,8,6", "=1", "x=1,²", "x=1,3,8"):
        refused_call(run(*call, bad), 2, "O001")
