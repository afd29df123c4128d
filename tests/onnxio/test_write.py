import numpy as np
import onnx
import pytest
from passes.float_graphs import FloatGraph
from small_models import random_feeds, run

from mcuq.ir.op import Clamp
from mcuq.ir.verify import verify_graph
from mcuq.onnxio.standard import TO_NCHW
from mcuq.ops.arithmetic import Add
from mcuq.ops.onnx.write import write_graph
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.softmax import Softmax
from mcuq.ops.window import Window


def everything():
    """A graph with every operator."""
    g = FloatGraph(x=(1, 9, 8, 3))
    window = Window((3, 3), (2, 1), (1, 0, 1, 2), (1, 2))
    y = g.conv("x", 6, "conv", window, groups=3, clamp=Clamp(-1.0, 2.0))
    y = g.put(Pad(((0, 0), (1, 0), (0, 2), (0, 0)), 0.5), y, output="pad")
    y = g.affine(g.clip(y, "clip", Clamp(0.0, 6.0)), 3, "affine")
    y = g.put(MaxPool(Window((2, 2), pads=(1, 0, 0, 1))), y, output="max")
    y = g.put(AveragePool(Window((2, 2), pads=(1, 1, 0, 0)), True), y, output="average")
    y = g.put(Add(Clamp(0.0)), y, y, output="add")
    y = g.put(Mean(Window((2, 2)), Clamp(0.5)), y, output="mean")
    y = g.transpose(y, TO_NCHW, "transpose")
    n, c, h, w = g.tensors[y].shape
    y = g.linear(g.reshape(y, (n, c, h * w), "reshape"), 5, "linear", clamp=Clamp(0.0))
    y = g.put(Softmax(), g.linear(g.reshape(y, (n, c * 5), "flat"), 4, "matrix"), output="softmax")
    graph = g.build(y)
    verify_graph(graph)
    return graph


def test_write_returns_any_tensor_in_device_layout():
    graph = everything()
    names = [node.output for node in graph.nodes]
    found = run(write_graph(graph, names), random_feeds(graph))
    assert sorted(names) == sorted(found)
    for name in names:
        assert graph.tensors[name].shape == found[name].shape


def test_write_keeps_clamps():
    graph = everything()
    found = run(write_graph(graph, ["conv", "add", "mean", "linear"]), random_feeds(graph))
    assert (found["conv"].min(), found["conv"].max()) == (-1.0, 2.0)
    assert found["add"].min() >= 0
    assert found["mean"].min() == 0.5
    assert found["linear"].min() == 0


def test_write_is_deterministic_and_sound():
    graph = everything()
    data = write_graph(graph)
    assert data == write_graph(graph)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)


def test_write_does_not_repeat_inputs_and_outputs():
    graph = everything()
    found = onnx.load_model_from_string(write_graph(graph, ["softmax", "x", "conv", "conv"]))
    assert [value.name for value in found.graph.output] == ["softmax", "conv"]


def test_write_survives_names_like_its_own():
    g = FloatGraph(t1=(1, 4))
    y = g.linear(g.linear("t1", 3, "t2"), 2, "t3")
    graph = g.build(y)
    found = run(write_graph(graph, ["t2"]), random_feeds(graph))
    assert set(found) == {"t2", "t3"}


def test_write_computes_what_numpy_does():
    g = FloatGraph(x=(2, 4))
    graph = g.build(g.affine(g.linear("x", 3, "y"), 1, "z"))
    feeds = random_feeds(graph)
    y = feeds["x"] @ g.constants["y.w"].T + g.constants["y.b"]
    found = run(write_graph(graph), feeds)["z"]
    np.testing.assert_allclose(found, y * g.constants["z.a"] + g.constants["z.b"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 6])
def test_write_keeps_convolutions_nchw(count):
    g = FloatGraph(x=(1, 6, 6, 4))
    y = "x"
    for index in range(count):
        y = g.put(Add(), y, g.conv(y, 4, f"c{index}", Window((3, 3), pads=(1, 1, 1, 1))), output=f"y{index}")
    model = onnx.load_model_from_string(write_graph(g.build(y)))
    assert [node.op_type for node in model.graph.node].count("Transpose") <= 3
