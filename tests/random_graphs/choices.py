"""Comparisons, truth values, and choices by them; decision trees."""

from __future__ import annotations

import numpy as np

from tests.random_graphs.classic import DOMAIN, matrix
from tests.random_graphs.drawing import Rng, draw
from tests.random_graphs.net import Net, Value

# From which opset on they compare real numbers.
COMPARISONS = {"Greater": 7, "Less": 7, "Equal": 11, "GreaterOrEqual": 12, "LessOrEqual": 12}
NEEDED = ("Where", "And", "Or", "Xor", "Not", *COMPARISONS)
TREES = (f"{DOMAIN}.TreeEnsembleRegressor", f"{DOMAIN}.TreeEnsembleClassifier")


def _compared(net: Net, rng: Rng, x: Value) -> Value:
    names = [name for name, since in COMPARISONS.items() if net.opset >= since]
    number = net.constant(rng, np.float32(rng.normal() * 0.5), "threshold")
    return net.add(rng, names[rng.integers(len(names))], [x.name, number], x.shape, "unread")


def where(net: Net, rng: Rng) -> bool:
    """Values of one tensor or of another one, as one or two comparisons say."""
    x = net.pick(rng, lambda v: len(v.shape) >= 2) if net.opset >= 9 else None
    if x is None:
        return False
    truth = _compared(net, rng, x)
    if rng.random() < 0.5:
        other = _compared(net, rng, net.pick(rng, lambda v: v.shape == x.shape) or x)
        op_type = str(rng.choice(["And", "Or", "Xor"]))
        truth = net.add(rng, op_type, [truth.name, other.name], x.shape, "unread")
    if rng.random() < 0.3:
        truth = net.add(rng, "Not", [truth.name], x.shape, "unread")
    y = net.pick(rng, lambda v: v.shape == x.shape and v != x)
    name = net.constant(rng, np.float32(rng.normal()), "other") if y is None else y.name
    names = [x.name, name] if rng.random() < 0.5 else [name, x.name]
    net.add(rng, "Where", [truth.name, *names], x.shape, x.kind)
    return True


def trees(net: Net, rng: Rng) -> bool:
    """Trees of one or two decisions each, with a value or a class's weight in every leaf."""
    x = matrix(net, rng)
    if x is None:
        return False
    kind, count = ("target", 1) if rng.random() < 0.5 else ("class", 3)
    nodes: dict[str, list[object]] = {
        key: []
        for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    }
    leaves: list[tuple[int, int]] = []
    for tree in range(int(rng.integers(1, 4))):
        # A decision, a leaf, and a second decision with two leaves.
        for node, (mode, yes, no) in enumerate(
            [("BRANCH_LEQ", 1, 2), ("LEAF", 0, 0), ("BRANCH_LEQ", 3, 4), ("LEAF", 0, 0), ("LEAF", 0, 0)]
        ):
            is_leaf = mode == "LEAF"
            row = (tree, node, 0 if is_leaf else int(rng.integers(x.shape[1])),
                   0.0 if is_leaf else float(rng.normal()), mode, yes, no)  # fmt: skip
            for key, value in zip(nodes, row, strict=True):
                nodes[key].append(value)
            leaves += [(tree, node)] if is_leaf else []
    attrs: dict[str, object] = {f"nodes_{key}": values for key, values in nodes.items()}
    attrs |= {
        f"{kind}_treeids": [tree for tree, _ in leaves],
        f"{kind}_nodeids": [node for _, node in leaves],
        f"{kind}_ids": [int(rng.integers(count)) for _ in leaves],
        f"{kind}_weights": [float(rng.uniform(0.1, 1)) for _ in leaves],
    }
    shape = (x.shape[0], count)
    if kind == "target":
        net.add(rng, "TreeEnsembleRegressor", [x.name], shape, "vector", domain=DOMAIN, n_targets=1, **attrs)
        return True
    shapes, kinds, labels = [(x.shape[0],), shape], ["index", "vector"], list(range(count))
    attrs |= {"classlabels_int64s": labels, "post_transform": "NONE"}
    net.add_kinds(rng, "TreeEnsembleClassifier", [x.name], shapes, kinds, domain=DOMAIN, **attrs)
    return True


DRAWS = (draw(2, where, *NEEDED), draw(1, trees, *TREES))
