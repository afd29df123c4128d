"""What every operator of the graph is: a frozen value with a shape rule and a range rule."""

from __future__ import annotations

import abc
import dataclasses
import enum
import math
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

import numpy as np

from mcuq.ir.expression import Expression
from mcuq.ir.integer import Rounding, round_half_away
from mcuq.ir.layout import Perm
from mcuq.ir.program import StepOp
from mcuq.ir.roles import WeightedInputs
from mcuq.ir.spread import Spread
from mcuq.ir.types import Array, DType, Float64, QuantParams, Shape, elem_count
from mcuq.ir.width import Width

# The smallest and the largest real value of a tensor, whatever the input; infinite where nothing limits it.
Limits: TypeAlias = tuple[float, float]
NO_LIMITS: Limits = (-math.inf, math.inf)


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
        lo, hi: smallest and largest code an activation can take, within the type's.
    """

    shape: Shape
    quant: QuantParams
    codes: Array | None = None
    lo: int = DType.INT32.qmin
    hi: int = DType.INT32.qmax

    def __post_init__(self) -> None:
        """No code is outside its type."""
        object.__setattr__(self, "lo", max(self.lo, self.quant.dtype.qmin))
        object.__setattr__(self, "hi", min(self.hi, self.quant.dtype.qmax))


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

    @property
    def is_homogeneous(self) -> bool:
        """Whether `clamp(s x) = s clamp(x)` for every s > 0."""
        return all(limit == 0 or math.isinf(limit) for limit in (self.lo, self.hi))

    def codes(self, quant: QuantParams) -> tuple[int, int]:
        """The limits as codes, `round(limit / scale) + zero_point` clamped to the type."""
        return quantize_value(self.lo, quant), quantize_value(self.hi, quant)

    def apply(self, values: Float64) -> Float64:
        """Limited values, any shape."""
        limited: Float64 = np.clip(values, self.lo, self.hi)
        return limited

    def then(self, other: Clamp) -> Clamp:
        """The clamp that does this one and then the other.

        >>> Clamp(0, 6).then(Clamp(-1, 1))
        Clamp(lo=0, hi=1)
        """
        return Clamp(
            min(max(self.lo, other.lo), other.hi),
            max(min(self.hi, other.hi), other.lo),
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class NodeView:
    """What an operator is told about the node it stands in.

    Args:
        shapes: of the inputs.
        output: the output's shape.
        constants: the values of inputs that are constant, None for the others.
    """

    shapes: tuple[Shape, ...]
    output: Shape
    constants: tuple[Array | None, ...]

    def constant(self, index: int) -> Array:
        """The value of an input that is constant."""
        array = self.constants[index]
        assert array is not None
        return array

    def number(self, index: int) -> float | None:
        """The value of a constant of one element; None for any other input."""
        array = self.constants[index]
        return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None


class Op(Width, abc.ABC):
    """Base of all graph operators; subclasses are frozen dataclasses of their attributes.

    Spatial operators are NHWC, weights `[M, KH, KW, C / groups]`. An operator with several outputs says so in
    `infer_outputs` and `rules`; `infer`, `rule` and `lower` speak of its first one.
    """

    kind: ClassVar[str]
    range_rule: ClassVar[RangeRule]
    arity: ClassVar[tuple[int, int]]  # smallest and largest number of inputs
    constant_inputs: ClassVar[frozenset[int]] = frozenset()  # inputs that must be constants
    weighted: ClassVar[tuple[WeightedInputs, ...]] = ()  # the sums of products it computes
    held_inputs: ClassVar[tuple[int, ...]] = ()  # inputs whose values its output's range holds as well
    least_width: ClassVar[float] = 0.0  # of its output's range
    takes: ClassVar[tuple[DType, ...]] = (DType.INT8,)  # types of activations that it can be lowered for
    converts: ClassVar[bool] = False  # whether these may differ from each other
    own_inputs: ClassVar[frozenset[int]] = frozenset()  # inputs whose parameters and types are their own

    @abc.abstractmethod
    def infer(self, *shapes: Shape) -> Shape:
        """The output shape, or `ShapeError`."""

    def infer_outputs(self, *shapes: Shape) -> tuple[Shape, ...]:
        """The shape of every output, or `ShapeError`."""
        return (self.infer(*shapes),)

    def rule(self) -> RangeRule:
        """The range rule of this operator; its class's unless its attributes decide."""
        return self.range_rule

    def rules(self) -> tuple[RangeRule, ...]:
        """The range rule of every output."""
        return (self.rule(),)

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> StepOp:
        """The integer step that computes this operator on quantized operands."""
        raise NotImplementedError(self.kind)

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Multiply-accumulates for one sample, from the shapes of inputs and output."""
        del shapes, output  # most operators multiply and add nothing up
        return 0

    def fixed_params(self) -> QuantParams:
        """The parameters of an output whose rule is FIXED."""
        raise NotImplementedError(self.kind)

    # What passes ask. The defaults forbid every rewrite, so that an operator says only what it allows.

    is_view: ClassVar[bool] = False  # whether the output is the input under another shape: storage only
    hoisted_role: ClassVar[str] = "mapped"  # names the output of the operator in front of a reshape

    @property
    def permutation(self) -> Perm | None:
        """The order of axes that the operator brings about, and nothing else; None for other operators."""
        return None

    @property
    def is_layout(self) -> bool:
        """Whether the operator gives all values of its input, in another shape or order of axes."""
        return self.is_view or self.permutation is not None

    @property
    def is_join(self) -> bool:
        """Whether the operator may read several activations."""
        return self.arity[1] - len(self.constant_inputs) > 1

    def commute_with_transpose(self, perm: Perm) -> Op | None:
        """The operator that does before a transpose what this one does after it; None where there is none."""
        return None

    def absorb_transposes(self, perms: Sequence[Perm]) -> Op | None:
        """The operator that reads its inputs as this one reads their transposes; None where there is none."""
        return None

    def commute_with_reshape(self, view: NodeView, old: Shape) -> Rewrite | None:
        """What does in front of a reshape what this operator does behind it; None where there is nothing.

        Args:
            view: of the node behind the reshape.
            old: the shape in front of the reshape.
        """
        return None

    def keeps_axes(self, view: NodeView) -> bool:
        """Whether an operator of one input keeps its axes that are not of size 1, in any layout."""
        return False

    def moving_axis(self, image: Shape) -> int | None:
        """The one axis of an image along which the operator works; None where there are several or none."""
        return None

    def along_columns(self, axis: int, rows: int) -> Op:
        """The same work along the columns of an image of so many rows, for `moving_axis`."""
        raise NotImplementedError(self.kind)

    @property
    def output_clamp(self) -> Clamp:
        """The limits with which the operator ends."""
        return Clamp()

    def fuse_clamp(self, clamp: Clamp) -> Op | None:
        """This operator and then a clamp; None where it has no limits of its own."""
        return None

    is_multilinear: ClassVar[bool] = False  # whether a factor of an input is one of the output

    def behind_affine(self, scale: Float64, shift: Float64) -> Op | None:
        """The operator that does this one, without limits, and then `scale y + shift` by channel; or None."""
        return None

    def behind_scale(self, scale: Float64, shift: Float64) -> Op | None:
        """The operator that reads x as this one reads `scale x + shift`, all scales positive; or None."""
        return None

    def behind_clamp(self, clamp: Clamp) -> Op | None:
        """What `clamp(this(x))` becomes as `this(clamp(x))`; None where they do not change places."""
        return None

    def absorb_pad(self, pads: tuple[tuple[int, int], ...], value: float, least: float) -> Op | str | None:
        """This operator with the border in front of it as its own padding.

        Args:
            pads: (before, after) for every axis.
            value: of the border.
            least: no value inside the border is smaller.

        Returns:
            The operator, why it would not compute the same, or None for operators without padding.
        """
        return None

    def combine(self, before: Op, source: Shape, x: Shape) -> Op | None:
        """One operator that does `before` and then this one; None where there is none.

        Args:
            before: the operator in front; only reshapes may lie between.
            source: the shape that `before` reads.
            x: the shape that this operator reads.
        """
        return None

    def simplify(self) -> Op | str | None:
        """Another operator that computes the same better, why there is none for these attributes, or None."""
        return None

    def is_identity(self, view: NodeView, limits: Callable[[], Limits]) -> bool:
        """Whether the output is the input, in every value.

        Args:
            view: of the node.
            limits: finds those of the input's values.
        """
        return False

    def is_pointwise(self, view: NodeView) -> bool:
        """Whether each element is a function, always the same, of one element of every activation."""
        return False

    def expression(self, view: NodeView, operands: Sequence[Expression]) -> Expression:
        """The function of a pointwise operator, without `output_clamp`.

        Args:
            view: of the node.
            operands: what the inputs are functions of; constants of one element are numbers.
        """
        raise NotImplementedError(self.kind)

    def expand(self, view: NodeView, is_input: bool) -> tuple[Rewrite, ...]:
        """The operators, one reading the other, that stand for a FLOAT_ONLY one nothing has absorbed.

        Args:
            view: of the node.
            is_input: whether only operators that work in any layout lie between it and an input of the model.
        """
        raise NotImplementedError(self.kind)

    # What ranges, equalization and calibration without data ask.

    is_judged_by_input: ClassVar[bool] = False  # whether errors at the end of a network show there better

    def value_range(self, x: Callable[[], Limits]) -> Limits:
        """Limits that every value of the output keeps; `x` finds those of input 0."""
        return NO_LIMITS

    def feature_limits(self, view: NodeView) -> Float64 | None:
        """How far each feature of input 0 matters, `[F]`; None of operators that take no scale for each."""
        return None

    def is_homogeneous(self) -> bool:
        """Whether `op(s x) = s op(x)` for every s > 0, its bias scaled likewise."""
        return False

    def keeps_channels(self, view: NodeView) -> bool:
        """Whether a homogeneous operator leaves every value in its channel, the index along the last axis."""
        return True

    def relax_clamp(self) -> Op | None:
        """The operator without an upper limit that alone keeps it from being homogeneous; else None."""
        return None

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        """How the output's values spread where the inputs' do so; None where nothing is known.

        Args:
            inputs: points of every input; constants are one point, `[1, *shape]`.
            shapes: of the inputs and the output.
        """
        return None

    def input_importance(self, y: Float64, view: NodeView) -> tuple[Float64, ...]:
        """The power in the network's outputs of noise in one element of each input.

        Args:
            y: of noise in one element of the output, `[last axis]`, float64.
            view: of the node; the weights are constants.

        Returns:
            `[last axis]` for input 0 and the activations behind it; as if it let all noise through.
        """
        return tuple(
            (y if shape[-1:] == view.output[-1:] else np.full(shape[-1:] or (1,), y.mean()))
            * reuse(view.output, shape)
            for shape in view.shapes
        )

    @property
    def takes_any_params(self) -> bool:
        """Whether the output can be computed for any quantization parameters that somebody asks for."""
        return self.rule() is not RangeRule.FIXED


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Rewrite:
    """An operator that takes the place of another one or a part of it.

    Args:
        op: the operator.
        constants: its new constant inputs: the position of the constant that each is named after, a role that
            the name gets, and the value; empty where all constants stay.
    """

    op: Op
    constants: tuple[tuple[int, str, Array], ...] = ()


def reuse(y: Shape, x: Shape) -> float:
    """Positions of an output for every position of an input: how often an element is read."""
    return elem_count(y[:-1]) / elem_count(x[:-1])
