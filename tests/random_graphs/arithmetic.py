"""Element-wise operators, functions, softmax and argmax."""

from __future__ import annotations

import math

import numpy as np

from tests.random_graphs.drawing import Rng, draw, known, some_known
from tests.random_graphs.layers import same_conv
from tests.random_graphs.net import MAX_ELEMS, Net, Value

# Functions of one element: attributes, and the first opset that has them.
FUNCTIONS: dict[str, tuple[int, dict[str, tuple[float, float]]]] = {
    "Sigmoid": (6, {}),
    "Tanh": (6, {}),
    "HardSigmoid": (6, {"alpha": (0.1, 0.5), "beta": (0.2, 0.6)}),
    "HardSwish": (14, {}),
    "LeakyRelu": (6, {"alpha": (0.01, 0.4)}),
    "Elu": (6, {"alpha": (0.5, 1.5)}),
    "Selu": (6, {}),
    "ThresholdedRelu": (10, {"alpha": (0.1, 1.0)}),
    "Softplus": (1, {}),
    "Softsign": (1, {}),
    "Erf": (9, {}),
    "Abs": (6, {}),
    "Neg": (6, {}),
    "Exp": (6, {}),
    "Sin": (7, {}),
    "Cos": (7, {}),
    "Gelu": (20, {}),
    "Mish": (18, {}),
    "Celu": (12, {"alpha": (0.5, 1.5)}),
    "Floor": (6, {}),
    "Ceil": (6, {}),
    "Sign": (9, {}),
    "Round": (11, {}),
    "Swish": (24, {}),
    "Atan": (7, {}),
    "Asinh": (9, {}),
    "Sinh": (9, {}),
    "Cosh": (9, {}),
    "Shrink": (9, {"lambd": (0.1, 0.8), "bias": (-0.3, 0.3)}),
}


def function(net: Net, rng: Rng) -> bool:
    """A function of one element, of those that are supported."""
    names = [name for name, (since, _) in FUNCTIONS.items() if name in known() and net.opset >= since]
    x = net.pick(rng, lambda v: True)
    if x is None or not names:
        return False
    name = names[rng.integers(len(names))]
    attrs = {key: float(rng.uniform(*span)) for key, span in FUNCTIONS[name][1].items()}
    net.add(rng, name, [x.name], x.shape, x.kind, **(attrs if rng.random() < 0.7 else {}))
    return True


def swish(net: Net, rng: Rng) -> bool:
    """x * sigmoid(x), as exporters write SiLU."""
    x = net.pick(rng, lambda v: True)
    if x is None:
        return False
    gate = net.add(rng, "Sigmoid", [x.name], x.shape, x.kind)
    net.add(rng, "Mul", [x.name, gate.name], x.shape, x.kind)
    return True


def squeeze_excite(net: Net, rng: Rng) -> bool:
    """Channels weighed by what the whole image holds."""
    x = net.pick_image(rng)
    if x is None:
        return False
    mean = net.add(rng, "GlobalAveragePool", [x.name], (*x.shape[:2], 1, 1), "image")
    small = same_conv(net, rng, mean, max(1, x.shape[1] // 2), 1)
    relu = net.add(rng, "Relu", [small.name], small.shape, "image")
    wide = same_conv(net, rng, relu, x.shape[1], 1)
    gate = net.add(rng, "Sigmoid", [wide.name], wide.shape, "image")
    net.add(rng, "Mul", [x.name, gate.name], x.shape, "image")
    return True


def add_same(net: Net, rng: Rng) -> bool:
    """Two tensors of one shape, or one tensor twice."""
    return _join_same(net, rng, "Add")


def join_same(net: Net, rng: Rng) -> bool:
    """The same with a product or a difference."""
    return _join_same(net, rng, str(rng.choice(["Mul", "Sub"])))


def _join_same(net: Net, rng: Rng, op_type: str) -> bool:
    a = net.pick(rng, lambda v: True)
    if a is None:
        return False
    b = net.pick(rng, lambda v: v.shape == a.shape and v.kind == a.kind and (v != a or rng.random() < 0.1))
    if b is None:
        return False
    net.add(rng, op_type, [a.name, b.name], a.shape, a.kind)
    return True


def join_broadcast(net: Net, rng: Rng) -> bool:
    """Two tensors of different shapes that broadcast."""
    a = net.pick(rng, lambda v: len(v.shape) >= 2)
    if a is None:
        return False

    def fits(v: Value) -> bool:
        try:
            shape = np.broadcast_shapes(v.shape, a.shape)
        except ValueError:
            return False
        is_alike = net.is_wild or (len(v.shape) == len(a.shape) and v.kind == a.kind)
        return v.shape != a.shape and is_alike and math.prod(shape) <= MAX_ELEMS

    b = net.pick(rng, fits)
    if b is None:
        return False
    shape = tuple(int(n) for n in np.broadcast_shapes(a.shape, b.shape))
    names = [a.name, b.name] if rng.random() < 0.5 else [b.name, a.name]
    kind = a.kind if len(a.shape) >= len(b.shape) else b.kind
    net.add(rng, str(rng.choice(["Add", "Mul", "Sub"])), names, shape, kind)
    return True


def with_constant(net: Net, rng: Rng) -> bool:
    """Arithmetic with a constant that differs along one axis at most."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    rank = len(x.shape)
    axis = int(rng.choice([-1, 1, 1, rank - 1, int(rng.integers(0, rank))]))
    if x.kind == "mixed" and not net.is_wild:
        axis = -1
    sizes = [x.shape[i] if i == axis else 1 for i in range(rank)]
    while sizes and sizes[0] == 1 and rng.random() < 0.7:
        sizes.pop(0)
    op_type = str(rng.choice(["Add", "Mul", "Sub", "Div"]))
    values = rng.uniform(0.5, 1.5, sizes) * (1.0 if rng.random() < 0.7 else -1.0)
    if len(net.characters) > 1 and rng.random() < 0.3:
        values = values * 2.0 ** rng.uniform(-5, 5, sizes)
    constant = net.constant(rng, np.asarray(values, np.float32))
    is_first = op_type != "Div" and rng.random() < 0.3
    net.add(rng, op_type, [constant, x.name] if is_first else [x.name, constant], x.shape, x.kind)
    return True


def with_full_constant(net: Net, rng: Rng) -> bool:
    """Arithmetic with a constant that differs along several axes."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    sizes = [n if rng.random() < 0.7 else 1 for n in x.shape]
    constant = net.constant(rng, rng.uniform(-1.5, 1.5, sizes))
    op_type = str(rng.choice(["Add", "Mul", "Sub"]))
    names = [x.name, constant] if rng.random() < 0.7 else [constant, x.name]
    net.add(rng, op_type, names, x.shape, x.kind)
    return True


def softmax(net: Net, rng: Rng) -> bool:
    """A softmax, most of the time at the end of a vector."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2 and (net.is_wild or v.kind == "vector"))
    if x is None:
        return False
    axis = len(x.shape) - 1 if rng.random() < 0.7 else int(rng.integers(0, len(x.shape)))
    given = None if axis == len(x.shape) - 1 and net.opset >= 13 and rng.random() < 0.3 else axis
    if given is not None and net.opset >= 11 and rng.random() < 0.3:
        given -= len(x.shape)
    op_type = str(rng.choice(["Softmax", "Softmax", *some_known("LogSoftmax")]))
    net.add(rng, op_type, [x.name], x.shape, x.kind, axis=given)
    return True


DRAWS = (
    draw(3, add_same, "Add"),
    draw(2, join_same, "Mul", "Sub"),
    draw(2, join_broadcast, "Add", "Mul", "Sub"),
    draw(2, with_constant, "Add", "Mul", "Sub", "Div"),
    draw(1, with_full_constant, "Add", "Mul", "Sub"),
    draw(4, function, *some_known(*FUNCTIONS)),
    draw(1, swish, "Sigmoid", "Mul"),
    draw(1, squeeze_excite, "Sigmoid", "Mul", "Conv", "GlobalAveragePool"),
    draw(2, softmax, *some_known("Softmax", "LogSoftmax")),
)
