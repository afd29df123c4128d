"""Products of two tensors that are both computed at run time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import SPLIT_IT, Along, NotAlong
from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.layout import Perm, compose, permute
from mcuq.ir.op import Clamp, LoweringRefusal, NodeView, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp, require_types
from mcuq.ir.spread import Spread, bell, moments
from mcuq.ir.traits import ClampedOp
from mcuq.ir.types import (
    CODE_TYPES,
    OPTIONAL,
    Array,
    DType,
    Float64,
    QuantParams,
    Shape,
    elem_count,
    require,
    require_codes,
    require_limits,
)
from mcuq.ops.arithmetic import broadcast_shape
from mcuq.ops.channels import columnwise
from mcuq.ops.exact import exact_matmul
from mcuq.ops.weighted import FLOAT32_EXACT, checked_requant, finish

# Element types of factors and product.
_TYPES = tuple(
    tuple(map(DType, types))
    for types in (("int8", "int8", "int8"), ("int8", "int8", "int16"), ("int16", "int8", "int8"))
)
# Sums beyond this are codes beyond int16 for every scale that shifts left.
_LIMIT = 2**30


def _infer(a: Shape, b: Shape, a_perm: Perm, b_perm: Perm) -> Shape:
    """`[..., M, N]` of factors `[..., M, K]` and `[..., K, N]` behind their transposes.

    Raises:
        ShapeError: where they do not fit.
    """
    if len(a) != len(a_perm) or len(b) != len(b_perm):
        raise ShapeError(f"factors {a} and {b} have other axes than {a_perm} and {b_perm} order")
    left, right = permute(a, a_perm), permute(b, b_perm)
    if left[-1] != right[-2]:
        raise ShapeError(f"factors {left} and {right} do not fit")
    return (*broadcast_shape(left[:-2], right[:-2]), left[-2], right[-1])


@dataclasses.dataclass(frozen=True, slots=True)
class MatMul(ClampedOp):
    """y = clamp(gain a' b') of a' `[..., M, K]` and b' `[..., K, N]`, whose leading axes broadcast.

    Args:
        a_perm: a' is a transposed by it.
        b_perm: likewise.
        gain: positive.
        clamp: a fused activation.
        is_wide: whether the output is int16, for a softmax that takes it.
    """

    a_perm: Perm
    b_perm: Perm
    gain: float = 1.0
    clamp: Clamp = Clamp()
    is_wide: bool = False

    kind: ClassVar[str] = "matmul"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (2, 2)
    is_multilinear: ClassVar[bool] = True
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True

    @property
    def measured_type(self) -> DType:
        return DType.INT16 if self.is_wide else DType.INT8

    @property
    def wide_inputs(self) -> tuple[int, ...]:
        """The first factor, where the output is int8."""
        return () if self.is_wide else (0,)

    def widen(self) -> MatMul:
        return dataclasses.replace(self, is_wide=True)

    def narrow(self) -> MatMul:
        return dataclasses.replace(self, is_wide=False)

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., M, N]`."""
        a, b = shapes
        return _infer(a, b, self.a_perm, self.b_perm)

    def depth(self, a: Shape) -> int:
        """Products in a sum."""
        return a[self.a_perm[-1]]

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One per output and product."""
        return elem_count(output) * self.depth(shapes[0])

    def is_homogeneous(self) -> bool:
        """Never: both factors would be scaled."""
        return False

    def absorb_transposes(self, perms: Sequence[Perm]) -> Op | None:
        """Any: factors are read in the order that they have."""
        a, b = (compose(first, own) for first, own in zip(perms, (self.a_perm, self.b_perm), strict=True))
        return dataclasses.replace(self, a_perm=a, b_perm=b)

    def behind_affine(self, scale: Float64, shift: Float64) -> Op | None:
        """With another gain, where all is scaled alike and nothing shifted."""
        factor = float(scale[0])
        is_gain = factor > 0 and not shift.any() and bool((scale == factor).all())
        return dataclasses.replace(self, gain=self.gain * factor) if is_gain else None

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """A bell curve: a sum of products of independent factors."""
        (m, v), (n, u) = ([float(each.mean()) for each in moments(x)] for x in inputs)
        depth = self.depth(shapes[0])
        mean, deviation = depth * m * n, (depth * (v * u + v * n * n + u * m * m)) ** 0.5
        out = bell(np.array(self.gain * mean), np.array(self.gain * deviation))
        return self.clamp.apply(out.reshape(-1, *[1] * len(shapes[-1])))

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """Every element of a factor meets a row or column of the other one, whose values are not known."""
        total = float(y.mean()) * elem_count(view.output)
        return tuple(np.full(shape[-1:], total / elem_count(shape)) for shape in view.shapes)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> MatMulStep:
        """A product of codes.

        Raises:
            LoweringRefusal: Q002 where a sum can leave int32, Q003 where the scale is out of range.
        """
        a, b = inputs
        types = (a.quant.dtype, b.quant.dtype, output.quant.dtype)
        if types not in _TYPES:
            found = ", ".join(each.value for each in types)
            raise LoweringRefusal(
                "Q012",
                "an operator has no integer form for the types of its tensors",
                why=f"{self.kind} takes int8, and int16 as its first factor or its output; found {found}",
                fix="quantize its tensors to int8",
            )
        largest = largest_sum(self.depth(a.shape), a.quant, b.quant)
        if types[0] is DType.INT8 and largest > INT32_MAX:
            raise LoweringRefusal(
                "Q002",
                "the int32 accumulator can overflow",
                why=f"the worst case is {largest:_}, the limit is {INT32_MAX:_}",
                fix=f"split the product (it sums {self.depth(a.shape):_} products)",
            )
        real = a.quant.step * b.quant.step * self.gain / output.quant.step
        lo, hi = self.clamp.codes(output.quant)
        is_limited = DType.INT16 in types
        return MatMulStep(
            a_perm=self.a_perm,
            b_perm=self.b_perm,
            depth=self.depth(a.shape),
            a_zero_point=a.quant.zero_point,
            b_zero_point=b.quant.zero_point,
            y_zero_point=output.quant.zero_point,
            requant=checked_requant([real], rounding, 0 if is_limited else largest),
            lo=lo,
            hi=hi,
            a_type=types[0],
            y_type=types[2],
        )


def largest_sum(depth: int, a: QuantParams, b: QuantParams) -> int:
    """What no partial sum of products exceeds in magnitude, whatever the codes."""
    most = (max(x.dtype.qmax - x.zero_point, x.zero_point - x.dtype.qmin) for x in (a, b))
    return depth * math.prod(most)


@dataclasses.dataclass(frozen=True, slots=True)
class MatMulStep(StepOp):
    """`y = clamp(rq(sum over K of (a' - za)(b' - zb)) + zy, lo, hi)` of transposed factors a', b'.

    Source: docs/numerics.md, the table of operators.

    Args:
        a_perm: a' is a transposed by it.
        b_perm: likewise.
        depth: K.
        a_zero_point: of a.
        b_zero_point: of b.
        y_zero_point: of the product.
        requant: its scale.
        lo: smallest output code.
        hi: largest output code.
        a_type: of a: INT8, or INT16 with zero point 0.
        y_type: of the product: INT8, or INT16 with zero point 0 if a is INT8.
    """

    a_perm: tuple[int, ...]
    b_perm: tuple[int, ...]
    depth: int
    a_zero_point: int
    b_zero_point: int
    y_zero_point: int
    requant: Requant
    lo: int
    hi: int
    a_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})
    y_type: DType = dataclasses.field(default=DType.INT8, metadata={OPTIONAL: True})

    kind: ClassVar[str] = "matmul"

    def __post_init__(self) -> None:
        """Check codes, orders of axes, and that no sum leaves int32."""
        require((self.a_type, DType.INT8, self.y_type) in _TYPES, "int16 once at most")
        for zero_point, dtype in ((self.a_zero_point, self.a_type), (self.y_zero_point, self.y_type)):
            require_codes(zero_point, dtype=dtype)
            require(dtype is DType.INT8 or zero_point == 0, "int16 around zero")
        require_codes(self.b_zero_point)
        require_limits(self.lo, self.hi, self.y_type)
        for perm in (self.a_perm, self.b_perm):
            require(len(perm) >= 2 and sorted(perm) == list(range(len(perm))), "orders of two axes or more")
        require(self.depth > 0 and len(self.requant.shift) == 1, "products and one scale")
        require(self.a_type is DType.INT16 or self.largest <= INT32_MAX, "sums that stay in int32")
        largest = (self.limit or self.largest) << self.requant.max_left_shift
        require(largest + 256 <= INT32_MAX, "sums that stay in int32, also shifted left")

    @property
    def largest(self) -> int:
        """The largest magnitude of any partial sum."""
        a, b = ((self.a_zero_point, self.a_type), (self.b_zero_point, DType.INT8))
        return largest_sum(self.depth, *(QuantParams((1.0,), *each) for each in (a, b)))

    @property
    def limit(self) -> int:
        """To which magnitude whole sums are limited where a tensor is int16; 0: they are not."""
        is_limited = DType.INT16 in (self.a_type, self.y_type)
        return _LIMIT >> self.requant.max_left_shift if is_limited else 0

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """As declared."""
        for found, taken in zip(types, (self.a_type, DType.INT8), strict=True):
            require_types(self.kind, (found,), taken)
        return (self.y_type,)

    def infer(self, *shapes: Shape) -> Shape:
        """`[..., M, N]`."""
        a, b = shapes
        shape = _infer(a, b, self.a_perm, self.b_perm)
        if a[self.a_perm[-1]] != self.depth:
            raise ShapeError(f"factors {a} and {b} have sums of other than {self.depth} products")
        return shape

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        perm = (self.a_perm, self.b_perm)[position]
        place, rank = perm.index(axis), max(map(len, shapes))
        if place == (len(perm) - 2, len(perm) - 1)[position]:
            return columnwise(self, rank - 2 + position)  # a row of a, or a column of b
        if place < len(perm) - 2:
            return columnwise(self, place + rank - len(perm))
        return NotAlong("it sums over all columns of a window", SPLIT_IT)

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def macs(self, output: Shape) -> int:
        """One per output and product."""
        return elem_count(output) * self.depth

    def run(self, *xs: Array) -> Array:
        """Factors `[samples, ...]` to y `[samples, ..., M, N]`."""
        rank = max(x.ndim for x in xs)
        a = self._factor(xs[0], self.a_perm, self.a_zero_point, rank)
        b = self._factor(xs[1], self.b_perm, self.b_zero_point, rank)
        sums = exact_matmul(a, b).astype(np.int64)
        if self.limit:
            np.clip(sums, -self.limit, self.limit, out=sums)
        return finish(sums, self.requant, self.y_zero_point, self.lo, self.hi, self.y_type)

    def _factor(self, x: Array, perm: Perm, zero_point: int, rank: int) -> Array:
        """A transposed and centred factor of `rank` axes, the samples' one among them."""
        # The narrowest float type in which every partial sum is exact.
        dtype = np.dtype(np.float32 if self.largest < FLOAT32_EXACT else np.float64)
        turned = x.transpose(0, *(axis + 1 for axis in perm)).astype(dtype)
        turned -= dtype.type(zero_point)
        return turned.reshape(len(x), *[1] * (rank - x.ndim), *turned.shape[1:])
