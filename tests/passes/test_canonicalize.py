"""All passes together: on random models, on layouts that must vanish, and on what must be refused."""

from pathlib import Path

import numpy as np
import pytest
from small_models import Net, check_model, kinds, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.graph import Graph, Stage
from mcuq.ir.text import graph_to_text
from mcuq.ops.pad import Pad
from mcuq.passes import canonicalize as module
from mcuq.passes.canonicalize import canonicalize

from .float_graphs import FloatGraph
from .random_models import RandomNet

RANDOM_MODELS = 150


@pytest.mark.parametrize("seed", range(RANDOM_MODELS))
def test_canonicalize_random_models(seed: int, tmp_path: Path):
    model = RandomNet(seed).build(1 + seed % 13)
    try:
        graph = check_model(model, tmp_path)
    except McuqError as error:
        assert {problem.code for problem in error.problems} <= {"M004"}
    else:
        assert "affine" not in kinds(graph)


def test_canonicalize_removes_most_transposes_of_random_models(tmp_path: Path):
    without = 0
    for seed in range(60):
        graph = canonicalize(read(save(RandomNet(seed).build(1 + seed % 13), tmp_path)).graph)
        without += "transpose" not in kinds(graph)
    assert without >= 35


@pytest.mark.parametrize("seed", range(0, RANDOM_MODELS, 5))
def test_canonicalize_is_deterministic(seed: int, tmp_path: Path):
    path = save(RandomNet(seed).build(8), tmp_path)
    texts = [graph_to_text(canonicalize(read(path).graph)) for _ in range(2)]
    assert texts[0] == texts[1]


def flattened_behind_relu(net: Net) -> str:
    x = net.add("Flatten", net.add("MaxPool", net.conv("x", 3, 4, (3, 3)), kernel_shape=[2, 2]))
    return net.add("MatMul", net.add("Relu", x), net.random(4 * 5 * 4, 5))


def generator(net: Net) -> str:
    x = net.add("Relu", net.add("Gemm", "z", net.random(6, 60), net.random(60)))
    x = net.add("Reshape", x, net.const(np.array([1, 3, 5, 4])))
    return net.conv(x, 3, 2, (3, 3), pads=[1, 1, 1, 1])


def one_dimensional(net: Net) -> str:
    x = net.add("Relu", net.batchnorm(net.conv("s", 3, 4, (3,), pads=[1, 1]), 4))
    x = net.add("Add", x, net.conv(x, 4, 4, (3,), pads=[1, 1]))
    x = net.add("GlobalAveragePool", net.add("MaxPool", x, kernel_shape=[2], strides=[2]))
    return net.add("Gemm", net.add("Flatten", x), net.random(4, 3))


def normalized_input(net: Net) -> str:
    x = net.add("Div", net.add("Sub", "x", net.random(1, 3, 1, 1)), net.const([[[0.5]], [[2.0]], [[3.0]]]))
    return net.conv(x, 3, 4, (3, 3))


def normalized_padded_input(net: Net) -> str:
    x = net.add("Sub", "x", net.random(1, 3, 1, 1))
    return net.conv(x, 3, 4, (3, 3), pads=[1, 1, 1, 1])


def batchnorm_before_activation(net: Net) -> str:
    x = net.add("Relu", net.batchnorm(net.add("Relu", net.conv("x", 3, 4, (3, 3))), 4))
    return net.conv(x, 4, 2, (1, 1))


def batchnorm_alone(net: Net) -> str:
    return net.add("Relu", net.batchnorm("x", 3))


def residual_at_the_input(net: Net) -> str:
    return net.add("Relu", net.add("Add", net.conv("x", 3, 3, (3, 3), pads=[1, 1, 1, 1]), "x"))


def segmentation(net: Net) -> str:
    return net.add("Softmax", net.conv("x", 3, 4, (1, 1)), axis=1)


def detection(net: Net) -> str:
    x = net.add("Transpose", net.conv("x", 3, 6, (1, 1)), perm=[0, 2, 3, 1])
    x = net.add("Reshape", x, net.const(np.array([1, -1, 3])))
    return net.add("Softmax", x)


def pooled_flat(net: Net) -> str:
    x = net.add("Reshape", net.conv("x", 3, 4, (1, 1)), net.const(np.array([0, 4, -1])))
    x = net.add("ReduceMean", x, axes=[2], keepdims=0)
    return net.add("Gemm", net.batchnorm(x, 4), net.random(4, 3))


def shape_arithmetic(net: Net) -> str:
    x = net.add("MaxPool", net.conv("x", 3, 4, (3, 3)), kernel_shape=[2, 2])
    batch = net.add("Gather", net.add("Shape", x), net.const(np.array(0)), axis=0)
    dims = [net.add("Unsqueeze", each, net.const(np.array([0]))) for each in (batch, net.const(np.array(-1)))]
    x = net.add("Reshape", x, net.add("Concat", *dims, axis=0))
    return net.add("Gemm", x, net.random(4 * 5 * 4, 3))


STEPS = {
    flattened_behind_relu: "conv2d max_pool reshape linear",
    generator: "linear reshape conv2d",
    one_dimensional: "conv2d reshape conv2d reshape add reshape max_pool mean reshape linear",
    normalized_input: "conv2d",
    normalized_padded_input: "conv2d conv2d",
    batchnorm_before_activation: "conv2d conv2d conv2d",
    batchnorm_alone: "conv2d",
    residual_at_the_input: "conv2d add",
    segmentation: "conv2d softmax",
    detection: "conv2d reshape softmax",
    pooled_flat: "conv2d reshape mean reshape linear",
    shape_arithmetic: "conv2d max_pool reshape linear",
}


@pytest.mark.parametrize("build", STEPS, ids=lambda build: build.__name__)
def test_canonicalize_gives_the_expected_steps(build, tmp_path: Path):
    inputs = {"x": (1, 3, 8, 7), "z": (1, 6), "s": (1, 3, 12)}
    net = Net(13, x=(1, 3, 8, 7))
    output = build(net)
    used = {name for node in net.nodes for name in node.input}
    net.inputs = [value for value in Net(13, **inputs).inputs if value.name in used]
    graph = check_model(net.model(output), tmp_path)
    assert STEPS[build].split() == kinds(graph)
    assert graph.stage is Stage.CANONICAL


def problems(graph: Graph):
    with pytest.raises(McuqError) as caught:
        canonicalize(graph)
    return caught.value.problems


def test_canonicalize_keeps_a_transpose_between_convolutions():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.transpose(g.conv("x", 3, "y"), (0, 3, 1, 2), "t")
    assert kinds(canonicalize(g.build(g.conv(y, 2, "z")))) == ["conv2d", "transpose", "conv2d"]


def test_canonicalize_refuses_minus_infinity_on_the_device():
    g = FloatGraph(x=(1, 4, 4, 3))
    y = g.put(Pad(((0, 0), (1, 1), (0, 0), (0, 0)), -np.inf), g.clip("x", "c"), output="p")
    assert [problem.code for problem in problems(g.build(y))] == ["M004"]


def test_canonicalize_allows_an_output_that_is_an_input():
    g = FloatGraph(x=(1, 4))
    graph = canonicalize(g.build(g.reshape("x", (1, 4), "y")))
    assert (graph.outputs[0].tensor, graph.nodes) == (graph.inputs[0].tensor, ())


def test_canonicalize_names_the_pass_that_broke_the_graph(monkeypatch):
    def break_names(graph: Graph) -> Graph:
        tensors = {name: tensor for name, tensor in graph.tensors.items() if name != "y"}
        return Graph(graph.stage, graph.nodes, tensors, graph.constants, graph.inputs, graph.outputs)

    monkeypatch.setattr(module, "SIMPLIFY", (*module.SIMPLIFY[:2], break_names))
    g = FloatGraph(x=(1, 4))
    found = problems(g.build(g.clip(g.reshape(g.linear("x", 4, "y"), (4,), "z"), "v")))
    assert found[0].code == "I001"
    assert "passes run: break_names" in found[0].why


@pytest.mark.slow
def test_canonicalize_is_linear_in_the_number_of_nodes(tmp_path: Path):
    import time

    seconds = []
    for count in (300, 1200):
        net = Net(17, x=(1, 4, 6, 6))
        x = "x"
        for _ in range(count):
            x = net.add("Relu", net.batchnorm(net.conv(x, 4, 4, (1, 1)), 4))
        graph = read(save(net.model(x), tmp_path)).graph
        start = time.process_time()
        assert len(canonicalize(graph).nodes) == count
        seconds.append(time.process_time() - start)
    assert seconds[1] < 10 * seconds[0]
