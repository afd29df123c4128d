"""Rows of a constant table by whole numbers that are computed or given at run time: embeddings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link, channel_count
from mcuq.ir.integer import Rounding
from mcuq.ir.op import Operand, RangeRule, ShapeError
from mcuq.ir.program import CodeRange, StepOp, require_types
from mcuq.ir.spread import Spread, Z
from mcuq.ir.traits import LookupOp
from mcuq.ir.types import Array, DType, Int8, Shape, elem_count, freeze, require
from mcuq.ops.channels import at_codes

# Of indices; a table of up to 128 rows takes the narrow ones.
INDEX_TYPES = (DType.INT8, DType.INT32)


def _infer(table: Shape, indices: Shape, axis: int) -> Shape:
    """The table's shape with that of the indices in the place of its axis."""
    if not 0 <= axis < len(table):
        raise ShapeError(f"a table of shape {table} has no axis {axis}")
    return (*table[:axis], *indices, *table[axis + 1 :])


@dataclasses.dataclass(frozen=True, slots=True)
class Gather(LookupOp):
    """y = table[..., k, ...] for every index, `k = clamp(i < 0 ? i + rows : i, 0, rows - 1)`.

    Args:
        axis: of the table, along which its rows lie.
    """

    axis: int

    kind: ClassVar[str] = "gather"
    range_rule: ClassVar[RangeRule] = RangeRule.SHARED
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, *shapes: Shape) -> Shape:
        """The table's shape with that of the indices in the place of its axis."""
        return _infer(shapes[0], shapes[1], self.axis)

    def rows(self, table: Shape) -> int:
        return table[self.axis]

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> GatherStep:
        """The codes of the rows, which the output has as they are."""
        table, indices = inputs
        assert table.codes is not None
        return GatherStep(freeze(table.codes, "int8"), self.axis, indices.quant.dtype)

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """The values of the table, every row as likely as another."""
        values = np.moveaxis(inputs[0][0], self.axis, 0)
        points = np.quantile(values, np.linspace(0.0, 1.0, len(Z)), axis=0)
        before = shapes[0][: self.axis]
        after = shapes[0][self.axis + 1 :]
        return np.asarray(points.reshape(len(Z), *before, *[1] * len(shapes[1]), *after))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class GatherStep(StepOp):
    """`y = table[..., k, ...]`, `k = clamp(i < 0 ? i + rows : i, 0, rows - 1)` for every index i.

    Args:
        table: int8 codes.
        axis: along which its rows lie.
        index_type: of the indices.

    Source: docs/numerics.md, the table of operators.
    """

    table: Int8
    axis: int
    index_type: DType

    kind: ClassVar[str] = "gather"

    def __post_init__(self) -> None:
        """Check that there is a row."""
        require(0 <= self.axis < self.table.ndim and self.table.size > 0, "a table with such an axis")
        require(self.table.dtype.name == "int8", "int8 codes")
        require(self.index_type in INDEX_TYPES, "int8 or int32 indices")

    @property
    def rows(self) -> int:
        """How many there are to choose from."""
        return int(self.table.shape[self.axis])

    def infer(self, *shapes: Shape) -> Shape:
        """The table's shape with that of the indices in the place of its axis."""
        (indices,) = shapes
        return _infer(self.table.shape, indices, self.axis)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """Int8 for any indices."""
        require_types(self.kind, types, self.index_type)
        return (DType.INT8,)

    def constant_types(self) -> tuple[DType, ...]:
        """That of the table."""
        return (DType.INT8,)

    def code_range(self) -> CodeRange:
        """The smallest and largest code of the table."""
        return int(self.table.min()), int(self.table.max())

    def meant_codes(self, index: int) -> CodeRange | None:
        """Every row, counted from either end."""
        return max(-self.rows, self.index_type.qmin), min(self.rows - 1, self.index_type.qmax)

    def weight_bytes(self) -> int:
        """The table."""
        return self.table.size

    def run(self, *xs: Array) -> Array:
        """Indices `[samples, ...]` to rows."""
        index = xs[0].astype(np.int64)
        chosen = np.clip(np.where(index < 0, index + self.rows, index), 0, self.rows - 1)
        found = self.table.take(chosen, self.axis)
        return np.ascontiguousarray(np.moveaxis(found, self.axis, 0))

    def bounds(self, *inputs: Bounds) -> Bounds:
        """The row of a known index, else the extremes of each column."""
        index = inputs[0]
        y = at_codes(self, index.lo)
        before, after = self.table.shape[: self.axis], self.table.shape[self.axis + 1 :]
        shape = (*[1] * len(before), *index.lo.shape, *[1] * len(after))
        known = np.asarray(index.lo == index.hi).reshape(shape)
        column = (*before, *[1] * index.lo.ndim, *after)
        ends = (each(axis=self.axis).reshape(column) for each in (self.table.min, self.table.max))
        return Bounds(*(np.where(known, y, end) for end in ends))

    def links(self, *inputs: Bounds) -> tuple[Link, ...] | None:
        """A column needs all indices; they are the channels where rows lie along the last axis."""
        if self.axis == self.table.ndim - 1:
            return None
        indices, columns = channel_count(inputs[0].lo.shape), self.table.shape[-1]
        source, target = np.arange(indices), np.arange(columns)
        return (Link(np.tile(source, columns), np.repeat(target, indices), False),)

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> GatherStep:
        """The columns that stay."""
        return dataclasses.replace(self, table=freeze(self.table[..., output]))

    def operations(self, output: Shape) -> int:
        return elem_count(output)
