"""If whose condition is constant: one of two branches stays."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import FLOAT, Net, Value

FUNCTIONS = ("Relu", "Tanh", "Sigmoid", "Abs", "Neg")


def branched(net: Net, rng: Rng) -> bool:
    """Two branches of one or two functions each, which read a tensor of the graph around them."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2)
    if x is None:
        return False
    condition = net.constant(rng, np.array(rng.random() < 0.5), "condition")
    branches = {role: _branch(net, rng, x) for role in ("then_branch", "else_branch")}
    net.add(rng, "If", [condition], x.shape, x.kind, **branches)
    return True


def _branch(net: Net, rng: Rng, x: Value) -> onnx.GraphProto:
    nodes, name = [], x.name
    for _ in range(int(rng.integers(1, 3))):
        inner = net.fresh(rng, "inner")
        nodes.append(helper.make_node(str(rng.choice(FUNCTIONS)), [name], [inner]))
        name = inner
    return helper.make_graph(nodes, "branch", [], [helper.make_tensor_value_info(name, FLOAT, x.shape)])


DRAWS = (draw(1, branched, "If"),)
