"""Sums of decision trees: forests and boosted trees."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.integer import INT32_MAX, Requant, Rounding, quantize_array, round_half_away_array
from mcuq.ir.op import Limits, NodeView, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.types import (
    CODE_TYPES,
    Array,
    DType,
    Float64,
    Int16,
    Int32,
    Int64,
    QuantParams,
    Shape,
    elem_count,
    freeze,
    require,
    require_codes,
)
from mcuq.ops.weighted import checked_requant, finish

# Features, targets and what a branch skips are int16 in the tables of nodes.
INDEX_MAX = 2**15 - 1
LEAF = -1
# Thresholds lie a code inside int16, so that values beyond all of them, which saturate, stay beyond.
_THRESHOLD_MAX = INDEX_MAX - 1
_LEAST = 2.0**-90
# Shares of a hundred trees, each rounded to float32, add up to 1 to within this.
_ROUNDED = 1e-4
_BASE_BITS = 29


def _infer(x: Shape, features: int, targets: int) -> Shape:
    if not x or x[-1] < features:
        raise ShapeError(f"trees that read {features} features have an input of {x}")
    return (*x[:-1], targets)


@dataclasses.dataclass(frozen=True, slots=True)
class TreeTable:
    """Nodes of all trees in one table, each tree's in depth-first order, the branch for true first.

    A branch names its feature; where `x[feature] <= value`, or `<` where it is strict, the next record
    follows, otherwise the one `skip` records on. A leaf has the feature -1 and in `value` how many records
    behind it, of its own, name a target as their feature and add their value to it.

    Args:
        feature: of branches; targets of what leaves add.
        value: thresholds, numbers of records, and what is added.
        skip: of branches; 0 of others.
        is_strict: of branches.
        roots: where each tree begins.
    """

    feature: tuple[int, ...]
    value: tuple[float, ...]
    skip: tuple[int, ...]
    is_strict: tuple[bool, ...]
    roots: tuple[int, ...]

    def kinds(self) -> tuple[Array, Array, Array]:
        """Masks `[records]` of branches, leaves, and what leaves add."""
        feature, skip = np.array(self.feature), np.array(self.skip)
        is_branch, is_leaf = skip > 0, feature == LEAF
        return is_branch, is_leaf, ~is_branch & ~is_leaf

    def leaf_limits(self, targets: int) -> tuple[Float64, Float64]:
        """Least and most that the leaves of all trees add to a target, `[targets]` each."""
        added = self.kinds()[2]
        tree = np.searchsorted(np.array(self.roots), np.arange(len(added)), side="right") - 1
        found = []
        for extreme in (np.minimum, np.maximum):
            # A leaf that says nothing of a target adds 0.
            most = np.zeros((len(self.roots), targets))
            extreme.at(most, (tree[added], np.array(self.feature)[added]), np.array(self.value)[added])
            found.append(most.sum(axis=0))
        return found[0], found[1]


@dataclasses.dataclass(frozen=True, slots=True)
class Trees(Op):
    """y `[..., targets]` = base + the sum of what one leaf of every tree adds, for x `[..., features]`.

    Args:
        features: at least one more than the largest index.
        base: one per target.
        table: of nodes.
    """

    features: int
    base: tuple[float, ...]
    table: TreeTable

    kind: ClassVar[str] = "trees"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., targets]`."""
        return _infer(shapes[0], self.features, len(self.base))

    def feature_limits(self, view: NodeView) -> Float64:
        """The largest threshold of each feature: how far beyond it a value lies changes nothing."""
        limits = np.zeros(view.shapes[0][-1])
        branches = self.table.kinds()[0]
        feature, value = np.array(self.table.feature)[branches], np.array(self.table.value)[branches]
        # What is compared with 0 alone keeps its sign.
        np.maximum.at(limits, feature, np.maximum(np.abs(value), _LEAST))
        scaled: Float64 = limits * (INDEX_MAX / _THRESHOLD_MAX)
        return scaled

    def rule(self) -> RangeRule:
        """Shares of a whole have the parameters of probabilities."""
        least, most = self.value_range(lambda: (0.0, 0.0))
        return RangeRule.FIXED if least >= -_ROUNDED and most <= 1.0 + _ROUNDED else RangeRule.CALIBRATED

    def fixed_params(self) -> QuantParams:
        """Those of softmax."""
        return QuantParams((1 / 256,), -128, DType.INT8)

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        """What the leaves add at most."""
        least, most = self.table.leaf_limits(len(self.base))
        return float((least + self.base).min()), float((most + self.base).max())

    def behind_scale(self, scale: Float64, shift: Float64) -> Op | None:
        """The trees that read x as these read `scale x + shift`, every scale positive."""
        branches = self.table.kinds()[0]
        feature, value = np.array(self.table.feature), np.array(self.table.value, np.float64)
        at = feature[branches]
        value[branches] = (value[branches] - shift[at]) / scale[at]
        return dataclasses.replace(self, table=dataclasses.replace(self.table, value=tuple(value.tolist())))

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> TreesStep:
        """Thresholds as codes of the input, leaves as int16.

        Raises:
            LoweringRefusal: Q003 where a scale is out of range.
        """
        (x,) = inputs
        table = self.table
        branches, leaves, added = table.kinds()
        records = np.zeros((len(branches), 3), np.int64)
        records[:, 0], records[:, 2] = table.feature, table.skip
        value = np.array(table.value, np.float64)
        records[branches, 1] = _thresholds(x, records[branches, 0], value[branches])
        records[branches, 1] -= np.array(table.is_strict)[branches]
        records[leaves, 1] = value[leaves]
        base = np.array(self.base)
        largest = np.abs(value[added]).max(initial=0.0)
        step = float(max(largest / INDEX_MAX, np.abs(base).max() * 2.0**-_BASE_BITS)) or 1.0
        records[added, 1] = round_half_away_array(value[added] / step)
        codes = freeze(np.maximum(records, DType.INT16.qmin), "int16")
        start = freeze(round_half_away_array(base / step), "int32")
        bound = sum_bound(codes, np.array(table.roots), start)
        return TreesStep(
            x_type=x.quant.dtype,
            features=self.features,
            records=codes,
            roots=freeze(np.array(table.roots), "int32"),
            base=start,
            requant=checked_requant([step / output.quant.step], rounding, bound),
            y_zero_point=output.quant.zero_point,
        )


def _thresholds(x: Operand, feature: Int64, value: Float64) -> Int64:
    """The codes of thresholds, by the same arithmetic as those of x: what is equal stays equal."""
    steps = x.quant.steps(x.shape[-1])[feature]
    real = value.astype(np.float32)
    return quantize_array(real, steps, x.quant.zero_point, DType.INT16).astype(np.int64)


def sum_bound(records: Array, roots: Array, base: Array) -> int:
    """No sum of leaves exceeds it in magnitude, whatever the input, in any order."""
    added = (records[:, 2] == 0) & (records[:, 0] != LEAF)
    tree = np.searchsorted(roots, np.arange(len(records)), side="right") - 1
    most = np.zeros(len(roots), np.int64)
    np.maximum.at(most, tree[added], np.abs(records[added, 1].astype(np.int64)))
    return int(most.sum() + np.abs(base.astype(np.int64)).max())


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TreesStep(StepOp):
    """Sums of what trees say of int8 or int16 codes `[..., F]`, as int8 `[..., targets]`.

    Source: docs/numerics.md, trees.

    Args:
        x_type: of the codes.
        features: at least one more than the largest index.
        records: int16 `[R, 3]`: feature, value and skip as in `TreeTable`, thresholds as codes of x.
        roots: int32 `[trees]`, ascending, the first record of each.
        base: int32 `[targets]`, in units of what leaves add.
        requant: of sums.
        y_zero_point: of the output.
    """

    x_type: DType
    features: int
    records: Int16
    roots: Int32
    base: Int32
    requant: Requant
    y_zero_point: int

    kind: ClassVar[str] = "trees"

    def __post_init__(self) -> None:
        """Check that every walk stays in its tree and ends, and that no sum leaves int32."""
        require(self.x_type in CODE_TYPES, "int8 or int16 codes")
        require(self.records.ndim == 2 and self.records.shape[1:] == (3,), "records of three")
        require(self.roots.ndim == 1 and self.base.ndim == 1, "lists of roots and targets")
        require(0 < len(self.base) <= INDEX_MAX and 0 < self.features <= INDEX_MAX, "targets and features")
        require_codes(self.y_zero_point)
        require(len(self.requant.shift) == 1, "one scale")
        starts = self._starts()
        ends = np.append(self.roots[1:], len(self.records))
        require(bool(starts[self.roots].all()), "trees that begin with a node")
        at = np.flatnonzero(starts & (self.records[:, 2] > 0))
        end = ends[np.searchsorted(self.roots, at, side="right") - 1]
        behind = at + self.records[at, 2].astype(np.int64)
        require(bool((at + 1 < end).all() and (behind < end).all()), "branches that stay in their tree")
        require(bool(starts[at + 1].all() and starts[behind].all()), "branches that lead to nodes")
        bound = sum_bound(self.records, self.roots, self.base) << self.requant.max_left_shift
        require(bound + 256 <= INT32_MAX, "sums that stay in int32, also shifted left")

    def _starts(self) -> Array:
        """Which records are nodes; the others belong to leaves.

        Raises:
            ValueError: for records that are neither, or beyond their tree.
        """
        roots, count = self.roots.astype(np.int64), len(self.records)
        is_ascending = len(roots) > 0 and roots[0] == 0 and bool((np.diff(roots) > 0).all())
        require(is_ascending and int(roots[-1]) < count, "ascending roots")
        feature, value, skip = (self.records[:, column].astype(np.int64) for column in range(3))
        leaves = np.flatnonzero(feature == LEAF)
        length = value[leaves]
        end = np.append(roots[1:], count)[np.searchsorted(roots, leaves, side="right") - 1]
        require(bool(((length >= 0) & (leaves + length < end)).all()), "leaves that stay in their tree")
        # A leaf opens a stretch of records and closes it behind them; stretches must not meet.
        edges = np.zeros(count + 1, np.int64)
        np.add.at(edges, leaves + 1, 1)
        np.add.at(edges, leaves + 1 + length, -1)
        inside = np.cumsum(edges[:-1])
        require(bool(((inside == 0) | (inside == 1)).all()), "leaves apart from each other")
        starts: Array = inside == 0
        require(bool(starts[leaves].all()), "leaves that are no records of others")
        branch = starts & (feature != LEAF)
        targets = len(self.base)
        require(bool(((feature >= 0) & (feature < self.features) & (skip > 0))[branch].all()), "branches")
        require(
            bool(((feature >= 0) & (feature < targets) & (skip == 0))[~starts].all()), "targets of leaves"
        )
        return starts

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., targets]`."""
        return _infer(shapes[0], self.features, len(self.base))

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8, whatever the input is."""
        require_types(self.kind, types, self.x_type)
        return (DType.INT8,)

    def code_range(self) -> tuple[int, int]:
        """All codes."""
        return DType.INT8.qmin, DType.INT8.qmax

    def operations(self, output: Shape) -> int:
        """A walk is no longer than a table."""
        return max(len(self.records), elem_count(output))

    def weight_bytes(self) -> int:
        """Records, roots and bases."""
        return int(self.records.nbytes + self.roots.nbytes + self.base.nbytes)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., F]` to `[samples, ..., targets]`."""
        x = xs[0].reshape(-1, xs[0].shape[-1]).astype(np.int64)
        sums = np.tile(self.base.astype(np.int64), (len(x), 1))
        for row, values in enumerate(x):
            leaves = self._walk(values)
            for place in range(1, int(self.records[leaves, 1].max(initial=0)) + 1):
                found = leaves[self.records[leaves, 1] >= place] + place
                np.add.at(sums[row], self.records[found, 0], self.records[found, 1].astype(np.int64))
        codes = finish(sums, self.requant, self.y_zero_point, *self.code_range())
        y: Array = codes.reshape(*xs[0].shape[:-1], len(self.base))
        return y

    def _walk(self, values: Int64) -> Int64:
        """The leaf that each tree ends in, for one row of codes."""
        at: Int64 = self.roots.astype(np.int64)
        while True:
            feature, threshold, skip = (self.records[at, column].astype(np.int64) for column in range(3))
            branches = feature != LEAF
            if not branches.any():
                return at
            step = np.where(values[np.maximum(feature, 0)] <= threshold, 1, skip)
            at += np.where(branches, step, 0)
