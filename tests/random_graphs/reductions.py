"""Reductions of any axes, attribute and input form."""

from __future__ import annotations

from tests.random_graphs.drawing import Rng, draw, some_known
from tests.random_graphs.net import Net

# From which opset on the axes are an input.
REDUCTIONS = {
    "ReduceL1": 18,
    "ReduceL2": 18,
    "ReduceLogSumExp": 18,
    "ReduceMax": 18,
    "ReduceMean": 18,
    "ReduceMin": 18,
    "ReduceProd": 18,
    "ReduceSum": 13,
    "ReduceSumSquare": 18,
}


def reduce_any(net: Net, rng: Rng) -> bool:
    """Any reduction over any axes, neighbours or not; over all where none are named."""
    x = net.pick(rng, lambda v: len(v.shape) > 1)
    if x is None:
        return False
    op_type = str(rng.choice(some_known(*REDUCTIONS)))
    rank = len(x.shape)
    axes = [axis for axis in range(rank) if rng.random() < (0.6 if axis else 0.1)]
    is_kept, names = bool(rng.random() < 0.5), [x.name]
    given = [axis - rank if net.opset >= 11 and rng.random() < 0.3 else axis for axis in axes]
    is_whole = not axes and (is_kept or rng.random() < 0.3)
    if not axes and not is_whole:
        axes, given = [rank - 1], [rank - 1]
    shape = tuple(
        1 if is_whole or i in axes else n
        for i, n in enumerate(x.shape)
        if is_kept or not (is_whole or i in axes)
    )
    attrs: dict[str, object] = {"keepdims": None if is_kept and rng.random() < 0.5 else int(is_kept)}
    order = [given[i] for i in rng.permutation(len(given))]
    if is_whole:
        pass
    elif net.opset >= REDUCTIONS[op_type]:
        names.append(net.ints(rng, order, "axes"))
    else:
        attrs["axes"] = order
    net.add(rng, op_type, names, shape, x.kind if is_kept else "vector", **attrs)
    return True


def logarithm_of_sum(net: Net, rng: Rng) -> bool:
    """ReduceLogSum of what is positive."""
    x = net.pick(rng, lambda v: len(v.shape) > 1)
    if x is None:
        return False
    positive = net.add(rng, "Sigmoid", [x.name], x.shape, x.kind)
    axis, names = int(rng.integers(1, len(x.shape))), [positive.name]
    attrs: dict[str, object] = {"axes": [axis]}
    if net.opset >= 18:
        names, attrs = [*names, net.ints(rng, [axis], "axes")], {}
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    net.add(rng, "ReduceLogSum", names, shape, x.kind, **attrs)
    return True


DRAWS = (
    draw(1, logarithm_of_sum, "ReduceLogSum", "Sigmoid"),
    draw(4, reduce_any, *some_known(*REDUCTIONS)),
)
