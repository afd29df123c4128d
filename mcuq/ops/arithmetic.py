"""Element-wise addition, subtraction and multiplication, with broadcasting."""

from __future__ import annotations

import abc
import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds, Link
from mcuq.ir.columns import Along
from mcuq.ir.expression import Apply, Expression
from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.layout import Perm
from mcuq.ir.op import Clamp, NodeView, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.spread import Spread, bell, moments
from mcuq.ir.traits import ClampedOp
from mcuq.ir.types import (
    CODE_TYPES,
    OPTIONAL,
    Array,
    DType,
    Float64,
    Int8,
    Int64,
    Shape,
    freeze,
    require,
    require_codes,
    require_limits,
)
from mcuq.ops.channels import at_codes, elementwise_along, same_channels
from mcuq.ops.weighted import checked_requant, finish

# Both operands are scaled up by a power of two before they meet: |q - z| of the type, which is below 2^8 or
# 2^16, leaves room for the sum in int32.
LEFT_SHIFT = {DType.INT8: 20, DType.INT16: 15}


def broadcast_shape(a: Shape, b: Shape) -> Shape:
    """The common shape of two operands, as NumPy and ONNX broadcast them.

    Raises:
        ShapeError: where axes differ and none is 1.

    >>> broadcast_shape((1, 4, 4, 8), (8,))
    (1, 4, 4, 8)
    """
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise ShapeError(f"shapes {a} and {b} do not broadcast") from None


def align(x: Array, rank: int) -> Array:
    """`[samples, *shape]` with axes of 1 added behind the samples, so that the shape has `rank` axes."""
    return x.reshape(len(x), *[1] * (rank + 1 - x.ndim), *x.shape[1:])


class BinaryOp(ClampedOp):
    """Element by element of two tensors, with broadcasting and then a clamp."""

    arity: ClassVar[tuple[int, int]] = (2, 2)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    carries_wide: ClassVar[bool] = True

    @abc.abstractmethod
    def apply(self, a: Float64, b: Float64) -> Float64:
        """Of real values, without the clamp."""

    @abc.abstractmethod
    def independent(self, a: tuple[Float64, Float64], b: tuple[Float64, Float64]) -> Spread:
        """The points of the result of independent operands, given as mean and variance each."""

    @abc.abstractmethod
    def function(self) -> str:
        """The primitive that it is, see `mcuq.ir.expression.FUNCTIONS`."""

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        return broadcast_shape(*shapes)

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where all operands are in one layout."""
        return self

    def is_pointwise(self, view: NodeView) -> bool:
        """Where operands are numbers or not broadcast."""
        return all(
            view.number(index) is not None or (view.constants[index] is None and shape == view.output)
            for index, shape in enumerate(view.shapes)
        )

    def expression(self, view: NodeView, operands: Sequence[Expression]) -> Expression:
        return Apply(self.function(), tuple(operands))

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """Constants act on the points; two tensors are taken as independent and give a bell curve."""
        a, b = (align(x, len(shapes[-1])) for x in inputs)
        if len(a) == 1 or len(b) == 1:
            return self.clamp.apply(self.apply(a, b))
        # What no result of the points can leave: sums of rectified values stay positive.
        corners = [self.apply(x, y) for x in (a.min(0), a.max(0)) for y in (b.min(0), b.max(0))]
        out = self.independent(moments(a), moments(b))
        return self.clamp.apply(np.clip(out, np.minimum.reduce(corners), np.maximum.reduce(corners)))


def primitive(op: Op) -> str | None:
    """The primitive that an operator of two operands without limits is; None for other operators."""
    return op.function() if isinstance(op, BinaryOp) and op.clamp.is_identity else None


@dataclasses.dataclass(frozen=True, slots=True)
class Add(BinaryOp):
    """y = clamp(a + b), or a - b."""

    clamp: Clamp = Clamp()
    is_subtraction: bool = False

    kind: ClassVar[str] = "add"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED

    def apply(self, a: Float64, b: Float64) -> Float64:
        """The sum or the difference."""
        return a - b if self.is_subtraction else a + b

    def independent(self, a: tuple[Float64, Float64], b: tuple[Float64, Float64]) -> Spread:
        return bell(np.asarray(self.apply(a[0], b[0])), np.sqrt(a[1] + b[1]))

    def function(self) -> str:
        """A sum or a difference."""
        return "sub" if self.is_subtraction else "add"

    def keeps_channels(self, view: NodeView) -> bool:
        """Unless an operand is constant or broadcast over channels: it would have to be scaled too."""
        is_scaled = all(constant is None for constant in view.constants)
        return is_scaled and all(shape[-1:] == view.output[-1:] for shape in view.shapes)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> AddStep:
        """An addition step; three multipliers around a common scale."""
        a, b = inputs
        dtype = output.quant.dtype
        shift, largest = LEFT_SHIFT[dtype], dtype.qmax - dtype.qmin
        twice = 2.0 * max(a.quant.step, b.quant.step)
        lo, hi = self.clamp.codes(output.quant)
        return AddStep(
            a_zero_point=a.quant.zero_point,
            b_zero_point=b.quant.zero_point,
            y_zero_point=output.quant.zero_point,
            a_requant=checked_requant([a.quant.step / twice], rounding),
            b_requant=checked_requant([b.quant.step / twice], rounding),
            y_requant=checked_requant(
                [twice / ((1 << shift) * output.quant.step)], rounding, largest << shift
            ),
            is_subtraction=self.is_subtraction,
            lo=lo,
            hi=hi,
            dtype=dtype,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Mul(BinaryOp):
    """y = clamp(a * b)."""

    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "mul"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED

    def apply(self, a: Float64, b: Float64) -> Float64:
        return a * b

    def independent(self, a: tuple[Float64, Float64], b: tuple[Float64, Float64]) -> Spread:
        """Means multiply; the variance is that of a product."""
        (m, v), (n, u) = a, b
        return bell(np.asarray(m * n), np.sqrt(v * u + v * n * n + u * m * m))

    def function(self) -> str:
        return "mul"

    def is_homogeneous(self) -> bool:
        """Never: both factors would be scaled."""
        return False

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MulStep:
        a, b = inputs
        dtype = output.quant.dtype
        largest = _largest_product(dtype, a.quant.zero_point, b.quant.zero_point)
        lo, hi = self.clamp.codes(output.quant)
        return MulStep(
            a_zero_point=a.quant.zero_point,
            b_zero_point=b.quant.zero_point,
            y_zero_point=output.quant.zero_point,
            requant=checked_requant([a.quant.step * b.quant.step / output.quant.step], rounding, largest),
            lo=lo,
            hi=hi,
            dtype=dtype,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class AddStep(StepOp):
    """Element-wise addition or subtraction, with broadcasting.

    `y = clamp(rq_y(rq_a((a - za) << 20) +- rq_b((b - zb) << 20)) + zy, lo, hi)`, for int16 with 15 for 20.
    Source: docs/numerics.md, the table of operators.
    """

    a_zero_point: int
    b_zero_point: int
    y_zero_point: int
    a_requant: Requant
    b_requant: Requant
    y_requant: Requant
    is_subtraction: bool
    lo: int
    hi: int
    dtype: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "add"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0, 1)

    def __post_init__(self) -> None:
        """Check codes, and the shifts that keep every intermediate value in int32."""
        _check_codes(self)
        scales = (self.a_requant, self.b_requant)
        require(all(len(scale.shift) == 1 for scale in (*scales, self.y_requant)), "one scale per tensor")
        require(all(scale.max_left_shift == 0 for scale in scales), "operands that are scaled down")
        largest = sum(int(np.abs(self.operand_table(index)).max()) for index in (0, 1))
        largest = (largest << self.y_requant.max_left_shift) + 256  # room for a zero point
        require(largest <= INT32_MAX, "a left shift that keeps sums in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        a, b = shapes
        return broadcast_shape(a, b)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return elementwise_along(self, position, axis, shapes)

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def operand_table(self, index: int) -> Int64:
        """What operand `index` contributes to the sum, for each of its codes, the smallest first."""
        zero_point = (self.a_zero_point, self.b_zero_point)[index]
        scale = (self.a_requant, self.b_requant)[index]
        codes = np.arange(self.dtype.qmin, self.dtype.qmax + 1, dtype=np.int64)
        table = scale.apply((codes - zero_point) << LEFT_SHIFT[self.dtype])
        return -table if self.is_subtraction and index == 1 else table

    def run(self, *xs: Array) -> Array:
        """A and b `[samples, ...]` to y `[samples, *common shape]`."""
        rank = max(x.ndim for x in xs) - 1
        aligned = [align(x, rank) for x in xs]
        if self.dtype is DType.INT8:
            first, last = (x.view(np.uint8) for x in aligned)
            return np.asarray(_sums(self)[(first.astype(np.uint16) << 8) | last])
        a, b = (
            self.operand_table(index)[x.astype(np.int64) - self.dtype.qmin] for index, x in enumerate(aligned)
        )
        return finish(a + b, self.y_requant, self.y_zero_point, self.lo, self.hi, self.dtype)

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """Inputs and output have one type."""
        require_types(self.kind, types, self.dtype)
        return (self.dtype,)

    def bounds(self, *inputs: Bounds) -> Bounds:
        """The sum grows with a, and with b unless that is subtracted."""
        a, b = inputs
        first, last = (b.hi, b.lo) if self.is_subtraction else (b.lo, b.hi)
        return Bounds(at_codes(self, a.lo, first), at_codes(self, a.hi, last))

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        return same_channels(self, inputs)


@functools.lru_cache(maxsize=64)
def _sums(step: AddStep) -> Int8:
    """Its result for every pair of codes, both as bytes, the first one in the high byte."""
    codes = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64) + 128
    a, b = (step.operand_table(index)[codes] for index in (0, 1))
    found = finish((a[:, None] + b).reshape(-1), step.y_requant, step.y_zero_point, step.lo, step.hi)
    return freeze(found)


def _check_codes(step: AddStep | MulStep) -> None:
    """Zero points and limits are codes of a type that stands for reals."""
    require(step.dtype in CODE_TYPES, "int8 or int16")
    require_codes(step.a_zero_point, step.b_zero_point, step.y_zero_point, dtype=step.dtype)
    require_limits(step.lo, step.hi, step.dtype)


def _largest_product(dtype: DType, *zero_points: int) -> int:
    """What no product of centred codes exceeds in magnitude; of int8 whatever the zero points are."""
    if dtype is DType.INT8:
        return 255 * 255
    return math.prod(max(dtype.qmax - z, z - dtype.qmin) for z in zero_points)


@dataclasses.dataclass(frozen=True, slots=True)
class MulStep(StepOp):
    """Element-wise multiplication with broadcasting: `clamp(rq((a - za) * (b - zb)) + zy, lo, hi)`.

    Source: docs/numerics.md, the table of operators.
    """

    a_zero_point: int
    b_zero_point: int
    y_zero_point: int
    requant: Requant
    lo: int
    hi: int
    dtype: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "mul"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0, 1)

    def __post_init__(self) -> None:
        """Check codes, and that the largest product stays in int32 when it is shifted left."""
        _check_codes(self)
        require(len(self.requant.shift) == 1, "one scale per tensor")
        largest = _largest_product(self.dtype, self.a_zero_point, self.b_zero_point)
        largest = (largest << self.requant.max_left_shift) + 256  # room for a zero point
        require(largest <= INT32_MAX, "a left shift that keeps products in int32")

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """Inputs and output have one type."""
        require_types(self.kind, types, self.dtype)
        return (self.dtype,)

    def infer(self, *shapes: Shape) -> Shape:
        """The common shape."""
        a, b = shapes
        return broadcast_shape(a, b)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return elementwise_along(self, position, axis, shapes)

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def run(self, *xs: Array) -> Array:
        """A and b `[samples, ...]` to y `[samples, *common shape]`."""
        rank = max(x.ndim for x in xs) - 1
        a, b = (align(x, rank).astype(np.int64) for x in xs)
        product = (a - self.a_zero_point) * (b - self.b_zero_point)
        return finish(product, self.requant, self.y_zero_point, self.lo, self.hi, self.dtype)

    def bounds(self, *inputs: Bounds) -> Bounds:
        """A product is largest and smallest where both factors are at an end."""
        a, b = inputs
        corners = [at_codes(self, x, y) for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        return Bounds(np.minimum.reduce(corners), np.maximum.reduce(corners))

    def links(self, *inputs: Bounds) -> tuple[Link, ...]:
        return same_channels(self, inputs)
