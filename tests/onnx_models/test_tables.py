"""Functions of one element: each becomes a table, and neighbours become one."""

import numpy as np
import pytest
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.text import graph_from_text, graph_to_text
from mcuq.ops.onnx.functions import FUNCTION_OF, PRIMITIVES
from mcuq.ops.registry import GRAPH_OPS
from mcuq.passes.canonicalize import canonicalize

from .checked import check_built

IMAGE = (1, 3, 6, 5)
POSITIVE = {"Log", "Reciprocal", "Sqrt"}
RANGES = {"Acos": (-1, 1), "Acosh": (1, 5), "Asin": (-1, 1), "Atanh": (-0.95, 0.95), "Tan": (-1.2, 1.2)}
ATTRS = {
    "Celu": {"alpha": 1.7},
    "Elu": {"alpha": 0.6},
    "LeakyRelu": {"alpha": 0.3},
    "Selu": {"alpha": 1.5, "gamma": 1.2},
    "Shrink": {"lambd": 0.7, "bias": 0.4},
    "ThresholdedRelu": {"alpha": 0.4},
}


@pytest.mark.parametrize("op_type", sorted({*PRIMITIVES, *FUNCTION_OF} - {"Swish"}))
def test_table_of_one_operator(op_type, tmp_path):
    net = Net(22, x=IMAGE)
    model = net.model(net.add(op_type, "x", **ATTRS.get(op_type, {})))
    lo, hi = RANGES.get(op_type, (0.25 if op_type in POSITIVE else -3.0, 3.0))
    assert check_built(model, tmp_path, lo, hi).steps() == ["table"]


def one(op_type, *inputs, **attrs):
    return lambda net, x: net.add(
        op_type, *(x if each is None else net.const(each) for each in inputs), **attrs
    )


def gelu_of_erf(net, x):
    y = net.add("Add", net.add("Erf", net.add("Div", x, net.const(2**0.5))), net.const(1.0))
    return net.add("Mul", net.add("Mul", x, y), net.const(0.5))


def gelu_of_erf_halved_first(net, x):
    y = net.add("Add", net.add("Erf", net.add("Mul", x, net.const(2**-0.5))), net.const(1.0))
    return net.add("Mul", net.add("Mul", x, net.const(0.5)), y)


def gelu_of_tanh(net, x):
    cube = net.add("Mul", net.const(0.044715), net.add("Pow", x, net.const(3.0)))
    y = net.add("Tanh", net.add("Mul", net.const(0.7978846), net.add("Add", x, cube)))
    return net.add("Mul", net.add("Mul", net.const(0.5), x), net.add("Add", net.const(1.0), y))


def hard_swish_of_torch(net, x):
    y = net.add("Clip", net.add("Add", x, net.const(3.0)), net.const(0.0), net.const(6.0))
    return net.add("Div", net.add("Mul", x, y), net.const(6.0))


def hard_swish_of_hard_sigmoid(net, x):
    return net.add("Mul", x, net.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def hard_swish_of_relu6(net, x):
    y = net.add("Clip", net.add("Relu", net.add("Add", x, net.const(3.0))), "", net.const(6.0))
    return net.add("Mul", x, net.add("Mul", y, net.const(1 / 6)))


def mish_of_softplus(net, x):
    return net.add("Mul", x, net.add("Tanh", net.add("Softplus", x)))


def mish_of_exp(net, x):
    y = net.add("Log", net.add("Add", net.add("Exp", x), net.const(1.0)))
    return net.add("Mul", x, net.add("Tanh", y))


def leaky_of_max(net, x):
    return net.add("Max", x, net.add("Mul", x, net.const(0.1)))


def residual_of_itself(net, x):
    return net.add("Sub", net.add("Sum", x, net.add("Sigmoid", x), net.add("Relu", x)), net.add("Tanh", x))


CHAINS = {
    "swish": lambda net, x: net.add("Mul", x, net.add("Sigmoid", x)),
    "swish with a constant": lambda net, x: net.add(
        "Mul", net.add("Sigmoid", net.add("Mul", x, net.const(1.702))), x
    ),
    "gelu erf": gelu_of_erf,
    "gelu erf halved first": gelu_of_erf_halved_first,
    "gelu tanh": gelu_of_tanh,
    "hard swish torch": hard_swish_of_torch,
    "hard swish hard sigmoid": hard_swish_of_hard_sigmoid,
    "hard swish relu6": hard_swish_of_relu6,
    "mish softplus": mish_of_softplus,
    "mish exp": mish_of_exp,
    "leaky max": leaky_of_max,
    "many branches": residual_of_itself,
    "square": lambda net, x: net.add("Mul", x, x),
    "reshaped between": lambda net, x: net.add(
        "Sigmoid", net.add("Flatten", net.add("Tanh", net.add("Transpose", x, perm=[0, 2, 3, 1])))
    ),
    "clip before": lambda net, x: net.add("Exp", net.add("Min", x, net.const(0.5))),
    "relu behind": lambda net, x: net.add("Relu", net.add("Sin", x)),
    "scalars around": lambda net, x: net.add("Sub", net.const(2.0), net.add("Sin", net.add("Neg", x))),
    "gelu tanh attribute": one("Gelu", None, approximate="tanh"),
    "square of pow": one("Pow", None, 2.0),
    "cube": one("Pow", None, np.full((1, 1, 1), 3.0)),
    "base": one("Pow", 2.0, None),
    "integer exponent": one("Pow", None, np.array([3])),
    "prelu": one("PRelu", None, np.full((4, 1, 1), 0.2)),
    "number over": lambda net, x: net.add("Div", net.const(2.0), net.add("Exp", x)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_tables_fuse_behind_a_layer(name, tmp_path):
    """Convolution, batch normalization and any function are two steps."""
    net = Net(20, x=IMAGE)
    y = net.batchnorm(net.conv("x", 3, 4, (2, 2)), 4)
    built = check_built(net.model(CHAINS[name](net, y)), tmp_path)
    assert built.kinds() == ["conv2d", "table"]


def test_tables_are_text_and_back(tmp_path):
    net = Net(20, x=IMAGE)
    outputs = [each(net, net.conv("x", 3, 4, (1, 1))) for each in CHAINS.values()]
    graph = canonicalize(read(save(net.model(*outputs), tmp_path)).graph)
    text = graph_to_text(graph)
    assert graph.nodes == graph_from_text(text, graph.constants, GRAPH_OPS).nodes
    with pytest.raises(ValueError, match="unknown members"):
        graph_from_text(text.replace('"arguments":[{}', '"arguments":[{"a":1}'), graph.constants, GRAPH_OPS)


def test_table_of_swish_operator(tmp_path):
    net = Net(24, x=IMAGE)
    built = check_built(net.model(net.add("Swish", "x", alpha=1.5)), tmp_path)
    assert built.steps() == ["table"]


def test_tables_of_sigmoid_and_tanh_have_fixed_ranges(tmp_path):
    net = Net(20, x=IMAGE)
    built = check_built(
        net.model(net.add("Sigmoid", "x"), net.add("Tanh", net.conv("x", 3, 2, (1, 1)))), tmp_path
    )
    program = built.plan.program
    params = [program.tensors[port.tensor].quant for port in program.outputs]
    assert [(q.step, q.zero_point) for q in params] == [(1 / 256, -128), (1 / 128, 0)]


def test_table_keeps_what_others_read(tmp_path):
    """A sigmoid that is also an output, or has a second reader, stays a tensor."""
    net = Net(20, x=IMAGE)
    y = net.conv("x", 3, 4, (1, 1))
    gate = net.add("Sigmoid", y)
    built = check_built(net.model(net.add("Mul", y, gate), gate), tmp_path)
    assert built.kinds() == ["conv2d", "table", "mul"]


def test_relu6_without_a_layer_stays_clip(tmp_path):
    net = Net(20, x=IMAGE)
    built = check_built(net.model(net.add("Clip", "x", net.const(0.0), net.const(1.0))), tmp_path)
    assert built.kinds() == ["clip"]


def test_hard_sigmoid_and_neg_fold_into_layers(tmp_path):
    net = Net(20, x=IMAGE)
    y = net.add("HardSigmoid", net.conv("x", 3, 4, (2, 2)))
    built = check_built(net.model(net.add("Neg", net.conv(y, 4, 2, (1, 1)))), tmp_path)
    assert built.kinds() == ["conv2d", "conv2d"]


def test_scale_and_shift_by_numbers_are_a_table(tmp_path):
    """What no layer takes in costs a table and no weights."""
    net = Net(20, x=IMAGE)
    y = net.add("Relu", net.add("Add", net.add("Mul", "x", net.const(2.5)), net.const(0.5)))
    assert check_built(net.model(y), tmp_path).kinds() == ["table"]


def test_tables_of_exploding_expressions_stay_bounded(tmp_path):
    """`x * x` doubles the expression each time: fusion stops and steps remain."""
    net = Net(20, x=(1, 8))
    y = "x"
    for _ in range(60):
        y = net.add("Mul", y, y)
    assert 1 < len(canonicalize(read(save(net.model(y), tmp_path)).graph).nodes) < 60


def test_log_of_a_range_with_zero_is_clamped(tmp_path):
    """The code of zero has no logarithm; it gets the smallest code of the output."""
    net = Net(20, x=(1, 64))
    built = check_built(net.model(net.add("Log", "x")), tmp_path, 0.3, 2.0)
    table = built.plan.program.steps[0].op.table
    assert table[0] == -128


def test_prelu_with_many_slopes(tmp_path):
    net = Net(17, x=(1, 3, 6, 5))
    slopes = net.const(np.array([0.25, -0.1, 2.0]).reshape(3, 1, 1))
    y = net.conv("x", 3, 4, (3, 3))
    more = net.const(np.array([0.25, 0.1, 2.0, 0.3]).reshape(4, 1, 1))
    outputs = [
        net.add("PRelu", "x", slopes),
        net.add("PRelu", y, more),
        net.add("PRelu", "x", net.random(6, 5)),
    ]
    built = check_built(net.model(*outputs), tmp_path, least_db=36)
    assert built.steps().count("table") == 0


def test_prelu_whose_slopes_do_not_fit_is_refused(tmp_path):
    net = Net(17, x=(1, 3, 6, 5))
    with pytest.raises(McuqError, match="M006"):
        read(save(net.model(net.add("PRelu", "x", net.random(2, 1, 1))), tmp_path))
