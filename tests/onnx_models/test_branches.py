"""If with a condition that is known when compiling: the nodes of one branch take its place."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from small_models import FLOAT, Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read

from .checked import check_built


def branch(nodes, *outputs, constants=()):
    values = [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs]
    stored = [numpy_helper.from_array(np.float32(array), name) for name, array in dict(constants).items()]
    return helper.make_graph(nodes, "branch", [], values, stored)


def node(op_type, inputs, outputs, **attrs):
    return helper.make_node(op_type, inputs, outputs, **attrs)


RELU = branch([node("Relu", ["a"], ["y"])], "y")
UNREAD = branch([node("LRN", ["a"], ["b"], size=3), node("Det", ["b"], ["y"])], "y")


def add_if(net, condition, then, other, outputs=("out",)):
    return net.add("If", condition, then_branch=then, else_branch=other, outputs=list(outputs))


def new_net(opset=17):
    net = Net(opset, x=(2, 3))
    net.add("Add", "x", net.random(3), outputs=["a"])
    return net


def problems(net, folder, *outputs):
    with pytest.raises(McuqError) as caught:
        read(save(net.model(*outputs), folder))
    return {problem.code for problem in caught.value.problems}


@pytest.mark.parametrize("is_kept", [True, False])
def test_only_the_branch_that_runs_has_to_be_readable(is_kept, tmp_path):
    net = new_net()
    condition = net.const(np.array([is_kept]))
    y = add_if(net, condition, *((RELU, UNREAD) if is_kept else (UNREAD, RELU)))
    graph = read(save(net.model(y), tmp_path)).graph
    assert [each.op.kind for each in graph.nodes] == ["affine", "clip", "reshape"]


def test_condition_of_shapes(tmp_path):
    """As PyTorch exports a squeeze of an axis whose size it does not know."""
    net = Net(17, x=(2, 1, 3))
    net.add("Relu", "x", outputs=["a"])
    size = net.add("Gather", net.add("Shape", "a"), net.const(np.array([1])), axis=0)
    condition = net.add("Equal", size, net.const(np.array([1])))
    axes = node("Constant", [], ["axes"], value=numpy_helper.from_array(np.array([1])))
    squeezed = branch([axes, node("Squeeze", ["a", "axes"], ["y"])], "y")
    y = add_if(net, condition, squeezed, branch([node("Identity", ["a"], ["y"])], "y"))
    assert check_built(net.model(y), tmp_path).expected[y].shape[1:] == (2, 3)


def test_names_of_branches_are_their_own(tmp_path):
    """Both branches and the graph behind call different things by the same name."""
    net = new_net()
    yes, no = net.const(np.array(True)), net.const(np.array(False))
    one = [node("Mul", ["a", "w"], ["t"]), node("Tanh", ["t"], ["u"])]
    two = [node("Add", ["a", "w"], ["t"]), node("Sigmoid", ["t"], ["u"])]
    first = add_if(net, yes, branch(one, "u", constants={"w": [1, 2, 3]}), RELU, ["first"])
    second = add_if(net, no, RELU, branch(two, "u", constants={"w": [3, 0, 1]}), ["second"])
    last = net.add("Neg", net.add("Add", first, second), outputs=["last"])
    check_built(net.model(first, second, last), tmp_path)


def test_branches_within_branches_read_all_around_them(tmp_path):
    net = new_net()
    yes = net.const(np.array(True))
    graph = branch([node("Mul", ["a", "t2"], ["m"]), node("Add", ["m", "t1"], ["y"])], "y")
    for depth in (2, 1):
        before = f"t{depth - 1}" if depth > 1 else "a"
        inner = node("If", [yes], [f"r{depth}"], then_branch=graph, else_branch=RELU)
        graph = branch(
            [node("Tanh", [before], [f"t{depth}"]), inner, node("Neg", [f"r{depth}"], [f"n{depth}"])],
            f"n{depth}",
        )
    check_built(net.model(add_if(net, yes, graph, RELU)), tmp_path)


def test_several_outputs_and_what_passes_through(tmp_path):
    net = new_net()
    k = numpy_helper.from_array(np.array([2]), "k")
    graph = branch([node("TopK", ["a", "k"], ["l", "i"]), node("Identity", ["a"], ["b"])], "l", "b")
    graph.initializer.append(k)
    add_if(net, net.const(np.array(True)), graph, graph, ["p", "q"])
    check_built(net.model("p", "q"), tmp_path)
    # onnxruntime refuses what the standard allows.
    graph = branch([node("Relu", ["a"], ["r"])], "r", "a", "r")
    net = new_net()
    add_if(net, net.const(np.array(True)), graph, graph, ["p", "q", "s"])
    assert len(read(save(net.model("p", "q", "s"), tmp_path)).graph.outputs) == 3


def test_bodies_of_functions_may_branch(tmp_path):
    condition = node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(False)))
    other = branch([node("Tanh", ["a"], ["y"])], "y")
    nodes = [condition, node("If", ["c"], ["b"], then_branch=RELU, else_branch=other)]
    net = Net(17, x=(2, 3))
    opsets = [helper.make_opsetid("", 17)]
    net.functions = [helper.make_function("local", "f", ["a"], ["b"], nodes, opsets)]
    net.add("f", "x", domain="local", outputs=["one"])
    y = net.add("f", "one", domain="local", outputs=["two"])
    assert check_built(net.model(y), tmp_path).kinds() == ["table"]


RELU_OF_A = node("Relu", ["a"], ["y"])
WITH_INPUT = branch([RELU_OF_A], "y")
WITH_INPUT.input.append(helper.make_tensor_value_info("i", FLOAT, [1]))
DAMAGED = {
    "late": (branch([node("Relu", ["t"], ["y"]), node("Relu", ["a"], ["t"])], "y"), "M002"),
    "twice": (branch([RELU_OF_A, node("Tanh", ["a"], ["y"])], "y"), "M002"),
    "itself": (branch([node("Relu", ["y"], ["y"])], "y"), "M002"),
    "outputs": (branch([RELU_OF_A], "y", "y"), "M002"),
    "inputs": (WITH_INPUT, "M002"),
    "nowhere": (branch([node("Relu", ["gone"], ["y"])], "y"), "M007"),
    "cycle": (branch([node("Add", ["a", "out"], ["y"])], "y"), "M007"),
    "unread": (UNREAD, "M003"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_branches_are_refused(name, tmp_path):
    net, (graph, code) = new_net(), DAMAGED[name]
    y = net.add("Relu", add_if(net, net.const(np.array(True)), graph, RELU))
    assert problems(net, tmp_path, y) == {code}


@pytest.mark.parametrize(
    "condition", [np.array([True, False]), np.array(1.0), np.array(1), np.zeros(0, bool)]
)
def test_conditions_that_are_none(condition, tmp_path):
    net = new_net()
    assert problems(net, tmp_path, add_if(net, net.const(condition), RELU, RELU)) == {"M002"}


def test_missing_branches_and_outputs(tmp_path):
    net = new_net()
    add_if(net, net.const(np.array(True)), 3, RELU)
    assert problems(net, tmp_path, "out") == {"M002"}
    net = new_net()
    add_if(net, net.const(np.array(True)), RELU, RELU)
    del net.nodes[-1].output[:]
    assert problems(net, tmp_path, "a") == {"M002"}


def test_nested_nodes_count(tmp_path):
    net = new_net()
    many = branch([node("Relu", ["a"], [f"y{i}"]) for i in range(50_001)], "y0")
    assert problems(net, tmp_path, add_if(net, net.const(np.array(True)), RELU, many)) == {"M011"}


def test_shapes_within_damaged_branches_are_not_inferred(tmp_path):
    """onnx's shape inference would write beyond a list of outputs and end the process."""
    net = new_net(18)
    split = branch([node("Split", ["a"], ["y", "z"], num_outputs=2**31)], "y")
    outputs = []
    for condition in (net.const(np.array(True)), net.add("Cast", "a", to=onnx.TensorProto.BOOL)):
        outputs.append(add_if(net, condition, split, split, [f"of {condition}"]))
    assert problems(net, tmp_path, *outputs) == {"M002", "M004"}
