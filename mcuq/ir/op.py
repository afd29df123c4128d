"""What every operator of the graph is: a frozen value with a shape rule and a range rule."""

from __future__ import annotations

import abc
import dataclasses
import enum
import math
from collections.abc import Sequence
from typing import ClassVar

from mcuq.ir.integer import Rounding, round_half_away
from mcuq.ir.program import StepOp
from mcuq.ir.types import Array, DType, QuantParams, Shape


def quantize_value(value: float, quant: QuantParams) -> int:
    """The code of a real value (infinite is allowed): `round(value / scale) + zero_point`, clamped.

    Source: docs/numerics.md, R1.
    """
    qmin, qmax = quant.dtype.qmin, quant.dtype.qmax
    ratio = min(max(value / quant.step, 2.0 * qmin), 2.0 * qmax - 2.0 * qmin)
    return min(max(round_half_away(ratio) + quant.zero_point, qmin), qmax)


class RangeRule(enum.Enum):
    """Where an operator's output gets its quantization parameters from."""

    CALIBRATED = "calibrated"
    SHARED = "shared"  # the output has the parameters of input 0
    UNIFIED = "unified"  # every input and the output share one set of parameters
    FIXED = "fixed"  # the operator knows them: `Op.fixed_params`
    FLOAT_ONLY = "float-only"  # never reaches quantization: a pass removes the operator


class ShapeError(Exception):
    """An operator's inputs do not fit it; the message says how (found and expected)."""


class SizeError(ShapeError):
    """An operator fits its inputs, but asks for more than a computer should give; the message says what."""


class LoweringRefusal(Exception):
    """An operator cannot become integers as it is; lowering adds where and reports all of them at once."""

    def __init__(self, code: str, title: str, *, why: str, fix: str, channel: int | None = None) -> None:
        """Take a code of `errors.CODES` and the lines of the message."""
        self.code, self.title, self.why, self.fix, self.channel = code, title, why, fix, channel
        super().__init__(f"{code}: {title}")


@dataclasses.dataclass(frozen=True, slots=True)
class Operand:
    """A quantized operand as lowering sees it.

    Args:
        shape: the tensor's shape.
        quant: its quantization parameters.
        codes: the values of a constant, None for an activation.
        lo: smallest code an activation can take.
        hi: largest code.
    """

    shape: Shape
    quant: QuantParams
    codes: Array | None = None
    lo: int = -128
    hi: int = 127


class Op(abc.ABC):
    """Base of all graph operators; subclasses are frozen dataclasses of their attributes.

    Every operator has one output. Spatial operators are NHWC, weights `[M, KH, KW, C / groups]`.
    """

    kind: ClassVar[str]
    range_rule: ClassVar[RangeRule]
    arity: ClassVar[tuple[int, int]]  # smallest and largest number of inputs
    constant_inputs: ClassVar[frozenset[int]] = frozenset()  # inputs that must be constants

    @abc.abstractmethod
    def infer(self, *shapes: Shape) -> Shape:
        """The output shape, or `ShapeError`."""

    def rule(self) -> RangeRule:
        """The range rule of this operator; its class's unless its attributes decide."""
        return self.range_rule

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> StepOp:
        """The integer step that computes this operator on quantized operands."""
        raise NotImplementedError(self.kind)

    def fixed_params(self) -> QuantParams:
        """The output's parameters of a FIXED operator."""
        raise NotImplementedError(self.kind)


@dataclasses.dataclass(frozen=True, slots=True)
class Clamp:
    """A fused activation that limits real values to [lo, hi]; infinite means no limit."""

    lo: float = -math.inf
    hi: float = math.inf

    def __post_init__(self) -> None:
        """Limits are ordered and not NaN."""
        assert self.lo <= self.hi

    @property
    def is_identity(self) -> bool:
        """Whether nothing is limited."""
        return math.isinf(self.lo) and math.isinf(self.hi)

    def codes(self, quant: QuantParams) -> tuple[int, int]:
        """The limits as codes, `round(limit / scale) + zero_point` clamped to the type."""
        return quantize_value(self.lo, quant), quantize_value(self.hi, quant)

    def then(self, other: Clamp) -> Clamp:
        """The clamp that does this one and then the other.

        >>> Clamp(0, 6).then(Clamp(-1, 1))
        Clamp(lo=0, hi=1)
        """
        return Clamp(
            min(max(self.lo, other.lo), other.hi),
            max(min(self.hi, other.hi), other.lo),
        )


INT8_UNIT = QuantParams((1.0,), 0, DType.INT8)
