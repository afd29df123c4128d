"""Normalization of groups of values by mean and variance, or by root mean square."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along, NotAlong
from mcuq.ir.integer import INT32_MAX, Requant, Rounding, round_half_away_array
from mcuq.ir.layout import Perm
from mcuq.ir.op import Clamp, LoweringRefusal, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import StepOp
from mcuq.ir.spread import Spread, bell, on_axis
from mcuq.ir.traits import ClampedOp, keeps_last
from mcuq.ir.types import (
    Array,
    Float64,
    Int32,
    Int64,
    Shape,
    elem_count,
    freeze,
    require,
    require_codes,
    require_limits,
)
from mcuq.ops.channels import columnwise
from mcuq.ops.weighted import checked_requant, finish

# The epsilon of a group is an integer below 2^60, so that it and the variance fit int64 with room.
_EPSILON_BITS = 60
# Normalized values times gains stay below 2^30, and biases below 2^29.
_VALUE_BITS, _BIAS_BITS = 15, 29
_GAIN_MAX = 2**15 - 1


def _groups(x: Shape, lead: int, groups: int) -> Shape:
    """The shape `[outer, positions, groups, channels]` as which a tensor is seen.

    Raises:
        ShapeError: where it cannot be.
    """
    if not 0 <= lead < len(x) or x[-1] % groups:
        raise ShapeError(f"{groups} groups of the last axis of {x}, behind {lead} axes, do not exist")
    return elem_count(x[:lead]), elem_count(x[lead:-1]), groups, x[-1] // groups


@dataclasses.dataclass(frozen=True, slots=True)
class Normalize(ClampedOp):
    """y = clamp(gain (x - mean) / sqrt(variance + epsilon) + shift) of groups of values of x `[..., C]`.

    Args:
        lead: how many leading axes groups do not extend over; over those behind, but the last, they do.
        gain: one per channel.
        shift: one per channel.
        epsilon: added to the variance.
        groups: of neighbouring channels.
        is_centred: whether the mean is subtracted; else it is taken for 0.
        clamp: a fused activation.
    """

    lead: int
    gain: tuple[float, ...]
    shift: tuple[float, ...]
    epsilon: float
    groups: int = 1
    is_centred: bool = True
    clamp: Clamp = Clamp()

    kind: ClassVar[str] = "normalize"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        (x,) = shapes
        _groups(x, self.lead, self.groups)
        if not len(self.gain) == len(self.shift) == x[-1]:
            raise ShapeError(f"input {x} and {len(self.gain)} gains, {len(self.shift)} shifts do not fit")
        return x

    def is_homogeneous(self) -> bool:
        """Never: what scales the input changes nothing."""
        return False

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """Unchanged where the channels stay last and the leading axes among themselves."""
        return self if keeps_last(perm) and set(perm[: self.lead]) == set(range(self.lead)) else None

    def behind_affine(self, scale: Float64, shift: Float64) -> Op | None:
        """With other gains and shifts."""
        gain, own = scale * np.array(self.gain), scale * np.array(self.shift) + shift
        return dataclasses.replace(self, gain=tuple(gain.tolist()), shift=tuple(own.tolist()))

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """A bell curve in every channel, whatever the input."""
        points = bell(np.array(self.shift), np.abs(self.gain))
        return self.clamp.apply(on_axis(points, len(shapes[-1]), len(shapes[-1]) - 1))

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> NormalizeStep:
        """Exact sums, an inverse square root in 30 bits, gains in 16.

        Raises:
            LoweringRefusal: Q002 where a sum of squares can leave int32, Q003 where a scale is out of range.
        """
        (x,) = inputs
        _, positions, _, channels = _groups(x.shape, self.lead, self.groups)
        count = positions * channels
        offset = 0 if self.is_centred else x.quant.zero_point
        if (squares := count * _largest(offset) ** 2) > INT32_MAX:
            raise LoweringRefusal(
                "Q002",
                "the int32 accumulator can overflow",
                why=f"the sum of squares can be {squares:_}, the limit is {INT32_MAX:_}",
                fix=f"normalize smaller groups (it has {count:_} values in a group)",
            )
        fraction = fraction_bits(count)
        gain, shift = np.array(self.gain), np.array(self.shift)
        step = max(np.abs(gain).max() / _GAIN_MAX, np.abs(shift).max() * 2.0 ** (fraction - _BIAS_BITS))
        step = float(step) or 1.0
        real = step * 2.0**-fraction / output.quant.step
        lo, hi = self.clamp.codes(output.quant)
        return NormalizeStep(
            lead=self.lead,
            groups=self.groups,
            count=count,
            is_centred=self.is_centred,
            offset=offset,
            epsilon=_epsilon_code(self.epsilon, count, x.quant.step),
            gain=freeze(round_half_away_array(gain / step), "int16"),
            bias=freeze(round_half_away_array(shift / step * 2.0**fraction), "int32"),
            requant=checked_requant([real], rounding, 2**30 + 2**29),
            y_zero_point=output.quant.zero_point,
            lo=lo,
            hi=hi,
        )


def along_axes(
    shape: Shape, axes: Sequence[int], epsilon: float, is_centred: bool
) -> tuple[Perm, Shape, Normalize]:
    """How a tensor is normalized along axes: a transpose of it, a reshape of that, and the operator.

    An image is normalized along all axes but batch and channels in its own layout, with gains by channel.
    """
    rank = len(shape)
    is_image = rank > 3 and tuple(axes) == tuple(range(2, rank))
    last = (1,) if is_image else tuple(axes)
    perm = (*(axis for axis in range(rank) if axis not in last), *last)
    lead = tuple(shape[axis] for axis in perm[: rank - len(last)])
    count = math.prod(shape[axis] for axis in last)
    ones, zeros, groups = (1.0,) * count, (0.0,) * count, count if is_image else 1
    op = Normalize(1 if is_image else len(lead), ones, zeros, epsilon, groups, is_centred)
    return perm, (*lead, count), op


def in_groups(op: Op, x: Shape, shape: Shape) -> Normalize | None:
    """The normalization of groups of `[N, C, ...]` that one of instances `[N, K, G]` stands for."""
    if not isinstance(op, Normalize) or len(x) != 3 or op.lead != 1 or not len(op.gain) == op.groups == x[2]:
        return None
    if shape[1] % op.groups or elem_count(shape) != elem_count(x):
        return None
    gain, shift = (tuple(np.repeat(each, shape[1] // op.groups).tolist()) for each in (op.gain, op.shift))
    return dataclasses.replace(op, gain=gain, shift=shift)


def _largest(offset: int) -> int:
    """The largest distance of a code from an offset."""
    return max(127 - offset, offset + 128)


def fraction_bits(count: int) -> int:
    """Fraction bits of normalized values of a group of so many, none of which exceeds its square root."""
    return _VALUE_BITS - (math.isqrt(count) + 1).bit_length()


def _epsilon_code(epsilon: float, count: int, step: float) -> int:
    """`round(n^2 epsilon / s_x^2)`, at most 31 bits of it and zeros behind.

    Raises:
        LoweringRefusal: Q003 where it is too large.
    """
    ratio = count * math.sqrt(epsilon) / step
    if ratio >= 2.0 ** (_EPSILON_BITS // 2):
        raise LoweringRefusal(
            "Q003",
            "the epsilon of a normalization drowns its input",
            why=f"epsilon is {epsilon:g}, a code of its input {step:g}",
            fix="calibrate with data for which the input is not always (nearly) zero",
        )
    whole = math.floor(ratio * ratio + 0.5)
    zeros = max(whole.bit_length() - 31, 0)
    return whole >> zeros << zeros


def inverse_root(w: Int64) -> tuple[Int64, Int64]:
    """`r, e` with `1 / sqrt(w) ~ r 2^(-46 - e)`, w in [1, 2^62). Source: docs/numerics.md, inverse_root."""
    # Exact as float64: 31 bits at a time.
    high = np.frexp((w >> 31).astype(np.float64))[1] + 31
    bits = np.where(high > 31, high, np.frexp((w & 0x7FFFFFFF).astype(np.float64))[1]).astype(np.int64)
    e = (bits - 31) >> 1
    m = np.where(e < 0, w << np.maximum(-2 * e, 0), w >> np.maximum(2 * e, 0))
    r = 2319282340 - ((5 * m) >> 4)
    for _ in range(4):
        u = (((r * r) >> 30) * m) >> 32
        r = (r * (3 * 2**30 - u)) >> 31
    return np.minimum(r, INT32_MAX), e


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NormalizeStep(StepOp):
    """Normalization of groups of values; see docs/numerics.md, the table of operators.

    Args:
        lead: how many leading axes groups do not extend over.
        groups: of neighbouring channels.
        count: values of a group.
        is_centred: whether the mean is subtracted.
        offset: subtracted from codes; where the mean is as well it does not matter, and is 0.
        epsilon: below 2^60, of at most 31 bits and zeros behind.
        gain: int16 `[C]`.
        bias: int32 `[C]`.
        requant: of sums of gain and bias.
        y_zero_point: of the output.
        lo: smallest output code.
        hi: largest output code.
    """

    lead: int
    groups: int
    count: int
    is_centred: bool
    offset: int
    epsilon: int
    gain: Array
    bias: Int32
    requant: Requant
    y_zero_point: int
    lo: int
    hi: int

    kind: ClassVar[str] = "normalize"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        """Check that sums of squares, normalized values and products stay in int32."""
        require_codes(self.offset, self.y_zero_point)
        require_limits(self.lo, self.hi)
        require(self.lead >= 0 and self.groups > 0 and self.count > 0, "groups of values")
        require(not self.is_centred or self.offset == 0, "an offset of 0 beside a mean")
        require(self.count * _largest(self.offset) ** 2 <= INT32_MAX, "sums of squares that stay in int32")
        zeros = (self.epsilon & -self.epsilon).bit_length() - 1
        require(0 <= self.epsilon < 2**_EPSILON_BITS, "an epsilon below 2^60")
        require(self.epsilon.bit_length() - max(zeros, 0) <= 31, "an epsilon of 31 bits")
        require(self.gain.dtype == np.int16 and self.bias.dtype == np.int32, "int16 gains, int32 biases")
        require(self.gain.ndim == 1 and self.gain.shape == self.bias.shape, "a bias for every gain")
        require(len(self.requant.shift) == 1, "one scale")
        most = (math.isqrt(self.count) + 2) << self.fraction
        sums = np.abs(self.gain.astype(np.int64)) * most + np.abs(self.bias.astype(np.int64))
        largest = int(sums.max(initial=0)) << self.requant.max_left_shift
        require(largest + 256 <= INT32_MAX, "products that stay in int32, also shifted left")

    @property
    def fraction(self) -> int:
        """Fraction bits of normalized values."""
        return fraction_bits(self.count)

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        (x,) = shapes
        _, positions, _, channels = _groups(x, self.lead, self.groups)
        if x[-1:] != self.gain.shape or positions * channels != self.count:
            raise ShapeError(f"input {x} does not have {len(self.gain)} channels in groups of {self.count}")
        return x

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        if axis < self.lead:
            return columnwise(self, axis)
        return NotAlong(
            "it normalizes over time: every value depends on all columns of a window",
            "normalize over channels alone, or use BatchNormalization, which is folded into weights",
        )

    def code_range(self) -> tuple[int, int]:
        """The clamp's limits."""
        return self.lo, self.hi

    def operations(self, output: Shape) -> int:
        """Every element twice."""
        return 2 * elem_count(output)

    def weight_bytes(self) -> int:
        """Gains and biases."""
        return 6 * len(self.gain)

    def grouped(self, x: Shape) -> Shape:
        """The shape `[outer, positions, groups, channels]` as which the input is seen."""
        return _groups(x, self.lead, self.groups)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., C]` to y of the same shape."""
        x = xs[0]
        d = x.reshape(len(x), *self.grouped(x.shape[1:])).astype(np.int64) - self.offset
        total = d.sum(axis=(2, 4), keepdims=True) * self.is_centred
        w = self.count * (d * d).sum(axis=(2, 4), keepdims=True) - total * total + self.epsilon
        r, e = inverse_root(np.maximum(w, 1))
        shift = 46 + e - self.fraction
        v = (self.count * d - total) * r
        v = ((v + (np.int64(1) << (shift - 1))) >> shift).reshape(x.shape)
        return finish(v * self.gain + self.bias, self.requant, self.y_zero_point, self.lo, self.hi)
