"""What recurrent layers share: sums of products as gates in Q3.12, their functions, states to begin with.

Every formula is one of docs/numerics.md, recurrent layers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import NotAlong
from mcuq.ir.integer import INT32_MAX, Requant, Rounding, round_half_away
from mcuq.ir.op import LoweringRefusal, Op, Operand, RangeRule, ShapeError
from mcuq.ir.types import (
    Array,
    DType,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    QuantParams,
    Shape,
    freeze,
    require,
    require_codes,
)
from mcuq.ops.exact import exact_matmul
from mcuq.ops.weighted import checked_requant, prove_accumulator

# Gates are Q3.12: beyond 8 sigmoid and tanh are what they are at 8, to the last bits of an int8 output.
GATE_BITS = 12
GATE_MAX = 2**15 - 1
# What no part of a gate exceeds, so that their sums stay in int32: 2^16 as a real value.
_MOST = 2.0**28
# tanh(k / 32) in Q0.15. No entry lies near a tie, so every math library gives the same.
TANH_TABLE: Int16 = freeze(np.minimum(np.rint(np.tanh(np.arange(257) / 32) * 2**15), GATE_MAX), "int16")


def half_up(v: Int64, shift: int) -> Int64:
    """`v / 2^shift` to the nearest integer, ties upward."""
    rounded: Int64 = (v + ((1 << shift) >> 1)) >> shift
    return rounded


def limit(v: Int64, most: int = GATE_MAX) -> Int64:
    """The value limited to [-most, most]."""
    limited: Int64 = np.clip(v, -most, most)
    return limited


def _interpolate(v: Int64, bits: int) -> Int64:
    """Tanh of `v / 2^(bits + 5)` in Q0.15, linear between the entries of the table."""
    table = TANH_TABLE.astype(np.int64)
    magnitude = np.abs(v)
    index, rest = magnitude >> bits, magnitude & ((1 << bits) - 1)
    found = table[index] + half_up((table[index + 1] - table[index]) * rest, bits)
    signed: Int64 = np.where(v < 0, -found, found)
    return signed


def tanh(v: Int64) -> Int64:
    """Tanh of a gate in Q3.12, at most 8 - 2^-12 in magnitude, as Q0.15.

    >>> tanh(np.array([0, 4096, -4096])).tolist()  # tanh 1 = 0.761594
    [0, 24956, -24956]
    """
    return _interpolate(v, 7)


def sigmoid(v: Int64) -> Int64:
    """Sigmoid of a gate as Q0.15: half of `1 + tanh(v / 2)`.

    >>> sigmoid(np.array([0, 4096, -4096])).tolist()  # 0.5, 0.731059, 0.268941
    [16384, 23956, 8813]
    """
    return half_up(2**15 + _interpolate(v, 8), 1)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class GateSums:
    """Sums of products that are requantized: `rq(bias + sum (x - zero_point) * w)`, in no type's limits.

    Args:
        weights: int8 `[M, K]`.
        bias: int32 `[M]`.
        requant: one per row.
        zero_point: subtracted from every x.
    """

    weights: Int8
    bias: Int32
    requant: Requant
    zero_point: int

    def __post_init__(self) -> None:
        """Check that the arrays belong together."""
        require(self.weights.ndim == 2 and self.weights.size > 0, "weights of two axes")
        require(self.bias.shape == self.weights.shape[:1], "one bias per row")
        require(len(self.requant.multiplier) == len(self.bias), "one multiplier per row")
        require_codes(self.zero_point)

    def prove(self, lo: int, hi: int) -> None:
        """Prove that no sum leaves int32, and no result 2^28, for x in [lo, hi].

        Raises:
            LoweringRefusal: Q002.
        """
        x = Operand((), QuantParams((1.0,), self.zero_point, DType.INT8), None, lo, hi)
        prove_accumulator(x, self.weights, self.bias, self.requant)
        reach = max(abs(lo - self.zero_point), abs(hi - self.zero_point))
        sums = np.abs(self.weights.astype(np.int64)).sum(axis=1) * reach + np.abs(self.bias.astype(np.int64))
        multiplier, shift = self.requant.arrays
        bound = sums * multiplier * np.exp2(shift - 31.0)
        row = int(np.argmax(bound))
        if bound[row] > _MOST:
            raise LoweringRefusal(
                "Q002",
                "a gate of a recurrent layer can overflow",
                why=f"a sum can reach {bound[row] / 2**GATE_BITS:.3g}, the limit is {_MOST / 2**GATE_BITS:g}",
                fix="look for odd weights: sigmoid and tanh are constant beyond 8",
                channel=row,
            )

    def check(self, lo: int, hi: int) -> None:
        """`prove` for what was stored.

        Raises:
            ValueError: where a sum can overflow.
        """
        try:
            self.prove(lo, hi)
        except LoweringRefusal as refusal:
            raise ValueError(refusal.title) from None

    def run(self, x: Array) -> Int64:
        """X `[..., K]`, codes or wider, to `[..., M]`."""
        # Exact: no partial sum leaves int32.
        sums = exact_matmul(x.astype(np.float64) - self.zero_point, self.weights.T.astype(np.float64))
        return self.requant.apply(sums.astype(np.int64) + self.bias)


def lower_sums(
    x: Operand, w: Operand, bias: Float64, scale: float, rounding: Rounding, *, name: str = "gate"
) -> GateSums:
    """The sums of an operand and quantized weights, proved.

    Args:
        x: the operand; its zero point and codes count.
        w: weights `[M, K]` with one scale, or one per row.
        bias: real values `[M]`.
        scale: of the result.
        rounding: the contract of the requantization.
        name: of the result, for messages.

    Raises:
        LoweringRefusal: Q002 or Q003.
    """
    assert w.codes is not None
    rows = len(w.codes)
    scales = np.array(w.quant.scale * (1 if len(w.quant.scale) == rows else rows))
    requant = checked_requant([x.quant.step * each / scale for each in scales.tolist()], rounding)
    codes = bias / (x.quant.step * scales)
    largest = int(np.argmax(np.abs(codes)))
    if not abs(codes[largest]) < INT32_MAX:
        raise LoweringRefusal(
            "Q002",
            f"the bias of a recurrent layer's {name} overflows int32",
            why=f"it is {bias[largest]:g}, in steps of {x.quant.step * scales[largest]:g}",
            fix="look for odd weights, or for an input that is nearly always zero in the calibration data",
            channel=largest,
        )
    sums = GateSums(freeze(w.codes, "int8"), freeze(np.rint(codes), "int32"), requant, x.quant.zero_point)
    sums.prove(x.lo, x.hi)
    return sums


def real_bias(b: Operand) -> Float64:
    """The real values of a quantized bias `[M]`."""
    assert b.codes is not None
    real: Float64 = b.codes.astype(np.float64) * np.array(b.quant.scale)
    return real


def rows_of(w: Operand, start: int, stop: int) -> Operand:
    """Some rows of quantized weights."""
    assert w.codes is not None
    several = len(w.quant.scale) > 1
    quant = dataclasses.replace(w.quant, scale=w.quant.scale[start:stop]) if several else w.quant
    return Operand((stop - start, *w.shape[1:]), quant, w.codes[start:stop])


@dataclasses.dataclass(frozen=True, slots=True)
class Initial:
    """A state that a step begins with, brought to the scale that it is kept in: `rq(q - zero_point)`."""

    zero_point: int
    requant: Requant

    def __post_init__(self) -> None:
        """Check that it is one scale for codes, and that no left shift overflows."""
        require_codes(self.zero_point)
        require(len(self.requant.shift) == 1, "one scale per state")
        require(
            255 << self.requant.max_left_shift <= INT32_MAX - 256, "a left shift that keeps codes in int32"
        )

    def run(self, q: Array) -> Int64:
        """Codes of any shape to values of the state's scale, without its limits."""
        return self.requant.apply(q.astype(np.int64) - self.zero_point)


def lower_initial(x: Operand, scale: float, rounding: Rounding) -> Initial:
    """A state that begins as `x`, kept in `scale`.

    Raises:
        LoweringRefusal: Q003.
    """
    return Initial(x.quant.zero_point, checked_requant([x.quant.step / scale], rounding, 255))


def infer_units(x: Shape, w: Shape, r: Shape, gates: int, states: tuple[Shape, ...]) -> int:
    """How many units a layer has.

    Args:
        x: of the sequence, `[T, K]`.
        w: of the weights of x, `[gates * H, K]`.
        r: of those of the hidden state, `[gates * H, H]`.
        gates: of a unit.
        states: of the states to begin with, `[1, H]`.

    Raises:
        ShapeError: where they do not fit.
    """
    units = r[-1] if len(r) == 2 else 0
    fits = len(x) == 2 and units > 0 and r == (gates * units, units) and w == (gates * units, x[1])
    if not fits or any(each != (1, units) for each in states):
        raise ShapeError(f"sequence {x}, weights {w} and {r} and states {states} do not fit")
    return units


def recurrent_macs(x: Shape, sums: int, units: int) -> int:
    """Multiply-accumulates over a sequence `[T, K]` of so many sums for K inputs and `units` states."""
    return x[0] * sums * (x[1] + units)


class CellOp(Op):
    """A layer with a cell: hidden states `[T, H]` and the last cell `[1, H]`, of four gates."""

    __slots__ = ()

    cell_bits: int  # fraction bits of the cell

    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED

    def infer(self, *shapes: Shape) -> Shape:
        """`[T, H]`."""
        return self.infer_outputs(*shapes)[0]

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Hidden states and the last cell."""
        x, w, _, r = shapes[:4]
        units = infer_units(x, w, r, 4, shapes[self.held_inputs[0] :])
        return (x[0], units), (1, units)

    def rules(self) -> tuple[RangeRule, ...]:
        """Hidden states are measured; the scale of the cell is known."""
        return RangeRule.CALIBRATED, RangeRule.FIXED

    def fixed_params(self) -> QuantParams:
        """The cell's."""
        return QuantParams((2.0**-self.cell_bits,), 0, DType.INT16)

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Four sums per unit and element."""
        return recurrent_macs(shapes[0], 4 * output[-1], output[-1])


def order(steps: int, is_reverse: bool) -> range:
    """The indices of a sequence in the order of time."""
    return range(steps - 1, -1, -1) if is_reverse else range(steps)


def gate_limit(clip: float) -> int:
    """The largest magnitude of a gate in Q3.12 for a limit of its real value; 0 is none."""
    return GATE_MAX if clip <= 0 else int(min(round_half_away(clip * 2.0**GATE_BITS), GATE_MAX))


def require_finish(scale: Requant, largest: int) -> None:
    """Refuse a requantization of a unit's value that is not one scale, or that overflows."""
    require(len(scale.shift) == 1, "one scale of the hidden state")
    require(largest << scale.max_left_shift <= INT32_MAX - 256, "a left shift that keeps values in int32")


def require_states(shapes: tuple[Shape, ...], inputs: int) -> None:
    """Refuse another number of inputs.

    Raises:
        ShapeError: with both.
    """
    if len(shapes) != inputs:
        raise ShapeError(f"it takes {inputs} inputs, found {len(shapes)}")


def sequence_along(kind: str) -> NotAlong:
    """`StepOp.along` of recurrent layers, which start anew with every window."""
    return NotAlong(
        f"{kind} goes over a window from its first column, where a stream has a past",
        "export one step of it with its state as input and output, and build that with --state IN:OUT",
    )
