"""What operators answer to passes: defaults forbid everything, and answers agree with what is computed."""

import dataclasses
import itertools
import math
from typing import ClassVar

import numpy as np
import pytest

from mcuq.ir.expression import Apply, X
from mcuq.ir.graph import Node, Port, Stage, Tensor, make_graph
from mcuq.ir.op import NO_LIMITS, Clamp, NodeView, Op, RangeRule
from mcuq.ir.traits import PointwiseOp, WeightedOp
from mcuq.ops.move import Concat, Reshape, Slice, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.registry import GRAPH_OPS
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip
from mcuq.ops.window import Window
from mcuq.passes.canonicalize import canonicalize


@dataclasses.dataclass(frozen=True, slots=True)
class Plain(Op):
    """An operator that says nothing about itself but its shape."""

    kind: ClassVar[str] = "plain"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes):
        return shapes[0]


VIEW = NodeView(((1, 3, 4, 5),), (1, 3, 4, 5), (None,))


def test_defaults_forbid_every_rewrite():
    op = Plain()
    assert not op.is_view and not op.is_layout and not op.is_join and not op.is_judged_by_input
    assert op.permutation is None and op.output_clamp == Clamp()
    assert op.commute_with_transpose((0, 3, 1, 2)) is None
    assert op.commute_with_reshape(VIEW, (60,)) is None
    assert op.moving_axis((1, 3, 4, 5)) is None
    assert op.fuse_clamp(Clamp(0.0, 6.0)) is None and op.behind_clamp(Clamp(0.0, 6.0)) is None
    assert op.absorb_pad(((0, 0), (1, 1), (1, 1), (0, 0)), 0.0, -math.inf) is None
    assert op.combine(Plain(), (1,), (1,)) is None and op.simplify() is None and op.relax_clamp() is None
    assert not op.keeps_axes(VIEW) and not op.is_pointwise(VIEW) and not op.is_homogeneous()
    assert not op.is_identity(VIEW, lambda: (0.0, 0.0))
    assert op.value_range(lambda: (0.0, 1.0)) == NO_LIMITS
    assert op.spread([np.zeros((49, 1))], [(1,), (1,)]) is None


@pytest.mark.parametrize("around", [Clip(Clamp(0.0, 6.0)), Table(Apply("tanh", (X,))), Softmax()])
def test_passes_leave_an_operator_that_says_nothing_where_it_is(around):
    """Between transposes, a border, activations and a reshape: it reads and gives what the model said."""
    chain = (
        Transpose((0, 2, 3, 1)), around, Pad(((0, 0), (1, 1), (0, 0), (0, 0))), Plain(), around,
        Transpose((0, 3, 1, 2)), Reshape((1, 100)), around,
    )  # fmt: skip
    shape, names = (1, 5, 3, 4), ["x"]
    tensors, nodes = {"x": Tensor("x", shape)}, []
    for index, op in enumerate(chain):
        shape, name = op.infer(shape), f"t{index}"
        tensors[name] = Tensor(name, shape)
        nodes.append(Node(f"n{index}", op, (names[-1],), (name,)))
        names.append(name)
    ports = [
        Port(name, name, tensors[name].shape, tuple(range(len(tensors[name].shape)))) for name in ("x", name)
    ]
    graph = canonicalize(make_graph(Stage.FLOAT, nodes, tensors, {}, ports[:1], ports[1:]))
    (node,) = (each for each in graph.nodes if each.op == Plain())
    assert graph.tensors[node.inputs[0]].shape == (1, 5, 4, 5)
    assert node.name == "n3"


def moved(op, x):
    """A few operators that only move or limit values, computed."""
    match op:
        case Clip(clamp):
            return clamp.apply(x)
        case Slice(starts, stops, steps):
            return x[tuple(map(slice, starts, stops, steps))]
        case Pad(pads, value):
            return np.pad(x, pads, constant_values=value)
        case Concat(axis):
            return np.concatenate([x, 2 * x], axis)
        case Softmax():
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
    raise AssertionError(op)


@pytest.mark.parametrize(
    "op",
    [
        Clip(Clamp(-1.0, 1.0)),
        Slice((0, 1, 0), (2, 3, 4), (1, 1, 2)),
        Pad(((1, 0), (0, 2), (3, 1)), 0.5),
        Concat(1),
        Softmax(),
    ],
    ids=lambda op: op.kind,
)
def test_operators_before_a_transpose_do_what_they_do_behind_it(op):
    x = np.random.default_rng(0).normal(size=(4, 2, 3))
    exchanged = 0
    for perm in itertools.permutations(range(3)):
        turned = x.transpose(perm)
        if isinstance(op, Slice) and any(
            stop > size for stop, size in zip(op.stops, turned.shape, strict=True)
        ):
            continue
        before = op.commute_with_transpose(perm)
        if before is not None:
            np.testing.assert_array_equal(moved(op, turned), moved(before, x).transpose(perm))
            exchanged += 1
    assert exchanged


@pytest.mark.parametrize("op", [MaxPool(Window((1, 2))), Reshape((6,)), Pad(((1, 1), (0, 0)), -3.0)])
def test_operators_behind_a_clamp_give_what_they_give_before_it(op):
    clamp = Clamp(-1.0, 0.5)
    behind = op.behind_clamp(clamp)
    if isinstance(op, Pad):
        x = np.random.default_rng(1).normal(size=(2, 3))
        np.testing.assert_array_equal(clamp.apply(moved(op, x)), moved(behind, clamp.apply(x)))
    else:
        assert behind == op


def test_value_ranges_follow_the_input_only_through_operators_that_keep_them():

    def inner():
        return 0.25, 2.0

    assert MaxPool(Window((2, 2))).value_range(inner) == (0.25, 2.0)
    assert AveragePool(Window((2, 2)), True).value_range(inner) == (0.0, 2.0)
    assert Pad(((1, 1),), 3.0).value_range(inner) == (0.25, 3.0)
    assert Mean(Window((2, 2)), Clamp(0.0, 6.0)).value_range(inner) == (0.0, 6.0)
    assert Table(Apply("sigmoid", (X,)), Clamp(0.5)).value_range(inner) == (0.5, 1.0)
    assert Concat(1).value_range(inner) == NO_LIMITS


@pytest.mark.parametrize("kind", sorted(GRAPH_OPS))
def test_kinds_of_operators_keep_their_promises(kind):
    """What a base says of its operators holds for the class: a layer has three inputs, a function one."""
    op = GRAPH_OPS[kind]
    if issubclass(op, WeightedOp):
        assert op.arity == (3, 3) and op.constant_inputs == {1, 2}
    if issubclass(op, PointwiseOp):
        assert op.arity == (1, 1) and not op.constant_inputs
    if op.is_view:
        assert op.range_rule is RangeRule.SHARED
