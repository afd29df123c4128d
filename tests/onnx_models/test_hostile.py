"""Damaged models of every operator end in a refusal or in a program, never in a traceback."""

import numpy as np
import pytest
from onnx import helper
from small_models import FLOAT, Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ops.onnx.write import write_graph
from mcuq.passes.canonicalize import canonicalize

from .checked import check_built
from .hostile import damage
from .test_onnx_cases import MODELS

SEEDS, GROUPS = 800, 8


@pytest.mark.parametrize("group", range(GROUPS))
def test_damaged_models_are_refused_or_read(group, tmp_path):
    names, codes = sorted(MODELS), set()
    for seed in range(group, SEEDS, GROUPS):
        rng = np.random.default_rng(seed)
        model = damage(MODELS[names[rng.integers(len(names))]], rng)
        try:
            write_graph(canonicalize(read(save(model, tmp_path)).graph))
        except McuqError as error:
            codes |= {problem.code for problem in error.problems}
    assert codes <= {"M002", "M004", "M005", "M006", "M011"}


def refused(net, output, folder):
    with pytest.raises(McuqError) as caught:
        read(save(net.model(*([output] if isinstance(output, str) else output)), folder))
    return [problem.code for problem in caught.value.problems]


def test_axis_that_onnx_cuts_to_32_bits(tmp_path):
    """The shape inference of LayerNormalization would count from a negative axis and end the process."""
    for axis in (2**31, -(2**31) - 1, 2**32 - 9):
        net = Net(17, x=(2, 3, 4, 5))
        y = net.add("LayerNormalization", "x", net.random(5), axis=axis)
        assert refused(net, y, tmp_path) == ["M002"]


def test_split_into_another_number_of_parts(tmp_path):
    """onnx's own shape inference writes beyond its list of outputs and ends the process."""
    for count in (2, 2**31, -1):
        net = Net(18, x=(4, 6))
        net.add("Split", "x", axis=1, num_outputs=count, outputs=["a", "b", "c"])
        assert refused(net, ["a", "b", "c"], tmp_path) == ["M002"]
        net = Net(18, x=(4, 6))
        net.add("Split", net.random(4, 6), axis=1, num_outputs=count, outputs=["a", "b", "c"])
        assert refused(net, net.add("Add", "x", "a"), tmp_path) == ["M002"]


def test_concat_of_other_ranks(tmp_path):
    net = Net(18, x=(4, 6), y=(4,))
    assert refused(net, net.add("Concat", "y", "x", axis=0), tmp_path) == ["M006"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_attributes_that_are_not_finite(value, tmp_path):
    for op_type, name in (
        ("Elu", "alpha"),
        ("HardSigmoid", "beta"),
        ("LeakyRelu", "alpha"),
        ("Selu", "gamma"),
    ):
        net = Net(18, x=(4, 6))
        assert refused(net, net.add(op_type, "x", **{name: value}), tmp_path) == ["M005"]


def test_scalars_go_all_the_way(tmp_path):
    net = Net(18, x=(), y=(3,))
    outputs = [net.add("Sigmoid", "x"), net.add("Mul", "x", "y"), net.add("Add", "x", net.const(2.0))]
    check_built(net.model(*outputs), tmp_path)


def test_all_unsupported_nodes_are_named_at_once(tmp_path):
    net = Net(17, x=(1, 3, 4, 4))
    outputs = [
        net.add("Det", "x"),
        net.add("LRN", "x", size=3),
        net.add("MaxPool", "x", kernel_shape=[2, 2], pads=[2, 2, 2, 2]),
        net.add("Pow", "x", "x"),
        net.add("Relu", net.add("ArgMax", "x", axis=1)),
        net.add("Gather", net.random(5, 2), "x"),
    ]
    with pytest.raises(McuqError) as caught:
        read(save(net.model(*outputs), tmp_path))
    found = [(problem.code, problem.title.split("'")[1]) for problem in caught.value.problems]
    unsupported = ["Det", "LRN"]
    forms = ["MaxPool", "Pow", "Relu", "Gather"]
    assert found == [*(("M004", name) for name in forms), *(("M003", name) for name in unsupported)]
    for problem in caught.value.problems:
        assert problem.why and problem.fix and "node #" in problem.where


def test_sequences_and_loops_are_refused(tmp_path):
    body = helper.make_graph([helper.make_node("Identity", ["x"], ["d"])], "body", [], [])
    node = helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)
    value = helper.make_tensor_value_info
    graph = helper.make_graph([node], "g", [value("x", FLOAT, [1])], [value("y", FLOAT, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(McuqError, match=r"(?s)M004.*run time"):
        read(save(model, tmp_path))
