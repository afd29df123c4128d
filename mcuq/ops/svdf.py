"""The two halves of TensorFlow Lite's SVDF: features into a memory of time, and sums over that memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.columns import Along
from mcuq.ir.integer import INT32_MAX, Requant, Rounding
from mcuq.ir.op import LoweringRefusal, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import CodeRange, StepOp
from mcuq.ir.types import (
    CODE_TYPES,
    Array,
    DType,
    Float64,
    Int8,
    Int16,
    Int32,
    QuantParams,
    Shape,
    elem_count,
    freeze,
    require,
    require_codes,
    require_limits,
)
from mcuq.ops.recurrent import sequence_along
from mcuq.ops.weighted import checked_requant, finish, prove_accumulator

_ALL = DType.INT16.qmin, DType.INT16.qmax


def _scale(first: float, second: float, y: float, rounding: Rounding) -> Requant:
    """The multiplier of `first * second / y`, which TensorFlow Lite computes in float32.

    Raises:
        LoweringRefusal: Q003.
    """
    with np.errstate(over="ignore", under="ignore"):
        real = float(np.float32(first) * np.float32(second) / np.float32(y))
    return checked_requant([real], rounding)


def _prove(weights: Array, x_zero_point: int, requant: Requant) -> None:
    """Prove that no sum of a feature leaves int32, whatever the codes of the input.

    Raises:
        LoweringRefusal: Q002.
    """
    x = Operand((), QuantParams((1.0,), x_zero_point, DType.INT8))
    prove_accumulator(x, weights, np.zeros(len(weights), np.int32), requant)


def _infer_memory(x: Shape, state: Shape, filters: int, inputs: int) -> Shape:
    """The shape of the memory.

    Raises:
        ShapeError: where it does not fit.
    """
    is_memory = len(state) == 2 and state[0] == x[0] and state[1] > 0 and state[1] % filters == 0
    if len(x) != 2 or x[1] != inputs or not is_memory:
        raise ShapeError(f"input {x} and memory {state} do not fit {filters} filters of {inputs} inputs")
    return state


def _infer_sums(state: Shape, weights: Shape, units: int) -> Shape:
    """The shape of the sums.

    Raises:
        ShapeError: where the memory does not fit.
    """
    if len(state) != 2 or state[1] != elem_count(weights):
        raise ShapeError(f"memory {state} does not fit weights of time {weights}")
    return state[0], units


@dataclasses.dataclass(frozen=True, slots=True)
class SvdfFeature(Op):
    """One more feature x . w of every filter in its memory, whose oldest one leaves.

    Inputs: x `[N, K]`, and the memory of F filters `[N, F M]`, of each the oldest feature first. Weights are
    integers already.

    Args:
        weights: int8 codes, `[F][K]`.
        scale: of the weights.
    """

    weights: tuple[tuple[int, ...], ...]
    scale: float

    kind: ClassVar[str] = "svdf_feature"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (2, 2)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True

    @property
    def measured_type(self) -> DType:
        """int16."""
        return DType.INT16

    @property
    def wide_inputs(self) -> tuple[int, ...]:
        """The memory."""
        return (1,)

    def infer(self, *shapes: Shape) -> Shape:
        """The memory's."""
        x, state = shapes
        return _infer_memory(x, state, len(self.weights), len(self.weights[0]))

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One per weight and sample."""
        return output[0] * len(self.weights) * len(self.weights[0])

    def real_weights(self) -> Float64:
        """The values of the weights, `[F, K]`."""
        return np.array(self.weights, np.float64) * self.scale

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> SvdfFeatureStep:
        """Sums in int32.

        Raises:
            LoweringRefusal: Q002 where a sum can leave int32, Q003 where the scale is out of range.
        """
        x, codes = inputs[0].quant, freeze(np.array(self.weights), "int8")
        requant = _scale(x.step, self.scale, output.quant.step, rounding)
        _prove(codes, x.zero_point, requant)
        return SvdfFeatureStep(codes, x.zero_point, requant)


@dataclasses.dataclass(frozen=True, slots=True)
class SvdfTime(Op):
    """y = b + sum of memory . w over all that a unit's filters remember: `[N, F M]` to `[N, U]`.

    Weights are integers already.

    Args:
        weights: int16 codes, `[F][M]`; each unit has F / U filters side by side.
        scale: of the weights.
        bias: int32 codes, `[U]`.
        bias_scale: of the bias.
    """

    weights: tuple[tuple[int, ...], ...]
    scale: float
    bias: tuple[int, ...]
    bias_scale: float

    kind: ClassVar[str] = "svdf_time"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True

    @property
    def wide_inputs(self) -> tuple[int, ...]:
        """The memory."""
        return (0,)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, U]`."""
        return _infer_sums(shapes[0], (len(self.weights), len(self.weights[0])), len(self.bias))

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """One per feature."""
        return elem_count(shapes[0])

    def real_weights(self) -> Float64:
        """The values of the weights, `[F, M]`."""
        return np.array(self.weights, np.float64) * self.scale

    def real_bias(self) -> Float64:
        """The values of the bias, `[U]`."""
        return np.array(self.bias, np.float64) * self.bias_scale

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> SvdfTimeStep:
        """Exact sums, limited.

        Raises:
            LoweringRefusal: Q003 where the scale is out of range.
        """
        return SvdfTimeStep(
            weights=freeze(np.array(self.weights), "int16"),
            bias=freeze(np.array(self.bias), "int32"),
            requant=_scale(inputs[0].quant.step, self.scale, output.quant.step, rounding),
            y_zero_point=output.quant.zero_point,
            lo=-128,
            hi=127,
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SvdfFeatureStep(StepOp):
    """`y[f] = memory[f][1:], clamp(rq(sum (x - x_zero_point) * w[f]))`: of int8 x and int16 memory int16.

    Source: docs/numerics.md, the table of operators.

    Args:
        weights: int8 `[F, K]`.
        x_zero_point: of x; the memory has none.
        requant: one scale.
    """

    weights: Int8
    x_zero_point: int
    requant: Requant

    kind: ClassVar[str] = "svdf_feature"
    in_place_inputs: ClassVar[tuple[int, ...]] = (1,)

    def __post_init__(self) -> None:
        """Check the arrays and that no sum leaves int32, whatever the input."""
        require(self.weights.ndim == 2 and self.weights.size > 0, "weights of 2 axes")
        require(self.weights.dtype == np.int8 and len(self.requant.shift) == 1, "int8 weights, one scale")
        require_codes(self.x_zero_point)
        try:
            _prove(self.weights, self.x_zero_point, self.requant)
        except LoweringRefusal as refusal:
            raise ValueError(refusal.title) from None

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int16 of int8 and int16."""
        if types != (DType.INT8, DType.INT16):
            found = ", ".join(dtype.value for dtype in types)
            raise ValueError(f"{self.kind} takes int8 and an int16 memory, found {found}")
        return (DType.INT16,)

    def infer(self, *shapes: Shape) -> Shape:
        """The memory's."""
        x, state = shapes
        return _infer_memory(x, state, *self.weights.shape)

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return sequence_along(self.kind)

    def code_range(self) -> CodeRange:
        """All codes."""
        return _ALL

    def macs(self, output: Shape) -> int:
        """One per weight and sample."""
        return output[0] * int(self.weights.size)

    def weight_bytes(self) -> int:
        """One per weight."""
        return int(self.weights.size)

    def constant_types(self) -> tuple[DType, ...]:
        """int8 weights."""
        return (DType.INT8,)

    def run(self, *xs: Array) -> Array:
        """X `[samples, N, K]` and a memory `[samples, N, F M]` to the next memory."""
        x, state = xs
        centred = x.astype(np.int64) - self.x_zero_point
        sums = np.asarray(centred @ self.weights.T.astype(np.int64))
        newest = finish(sums, self.requant, 0, *_ALL, DType.INT16)
        older = state.reshape(*newest.shape, -1)[..., 1:]
        return np.concatenate([older, newest[..., None]], axis=-1).reshape(state.shape)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SvdfTimeStep(StepOp):
    """`y[u] = clamp(rq(limit(bias[u] + sum memory * w)) + y_zero_point, lo, hi)` of an int16 memory.

    Source: docs/numerics.md, the table of operators.

    Args:
        weights: int16 `[F, M]`.
        bias: int32 `[U]`.
        requant: one scale.
        y_zero_point: of the output.
        lo: smallest output code.
        hi: largest output code.
    """

    weights: Int16
    bias: Int32
    requant: Requant
    y_zero_point: int
    lo: int
    hi: int

    kind: ClassVar[str] = "svdf_time"

    def __post_init__(self) -> None:
        """Check that the arrays belong together."""
        require(self.weights.ndim == 2 and self.weights.size > 0, "weights of 2 axes")
        require(self.weights.dtype == np.int16 and self.bias.dtype == np.int32, "int16 weights, int32 bias")
        require(self.bias.ndim == 1 and self.bias.size > 0, "a bias per unit")
        require(len(self.weights) % len(self.bias) == 0, "as many filters for every unit")
        require(len(self.requant.shift) == 1, "one scale")
        require_codes(self.y_zero_point)
        require_limits(self.lo, self.hi)

    @property
    def limit(self) -> int:
        """The largest magnitude of sums, but for the one of int32 that has no negative.

        What leaves it saturates the output. To what is not shifted right a zero point is added.
        """
        shift = self.requant.shift[0]
        return INT32_MAX if shift < 0 else (INT32_MAX - 256) >> shift

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8 of int16."""
        if types != (DType.INT16,):
            raise ValueError(f"{self.kind} takes int16 inputs, found {types[0].value}")
        return (DType.INT8,)

    def infer(self, *shapes: Shape) -> Shape:
        """`[N, U]`."""
        return _infer_sums(shapes[0], self.weights.shape, len(self.bias))

    def along(self, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
        return sequence_along(self.kind)

    def code_range(self) -> CodeRange:
        """The limits."""
        return self.lo, self.hi

    def macs(self, output: Shape) -> int:
        """One per feature."""
        return output[0] * int(self.weights.size)

    def weight_bytes(self) -> int:
        """Two per weight."""
        return 2 * int(self.weights.size)

    def constant_types(self) -> tuple[DType, ...]:
        """int16 weights."""
        return (DType.INT16,)

    def run(self, *xs: Array) -> Array:
        """A memory `[samples, N, F M]` to `[samples, N, U]`."""
        products = xs[0].astype(np.int64) * self.weights.reshape(-1)
        sums = products.reshape(*xs[0].shape[:-1], len(self.bias), -1).sum(axis=-1) + self.bias
        limited = np.clip(sums, -self.limit - int(self.requant.shift[0] < 0), self.limit)
        return finish(limited, self.requant, self.y_zero_point, self.lo, self.hi)
