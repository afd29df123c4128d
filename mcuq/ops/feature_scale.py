"""Scale and shift of every feature of an input, in front of the network that reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from mcuq.ir.channels import Bounds
from mcuq.ir.integer import INT32_MAX, Requant, Rounding, round_half_away_array
from mcuq.ir.op import NodeView, Op, Operand, RangeRule, ShapeError
from mcuq.ir.program import require_types
from mcuq.ir.spread import Spread
from mcuq.ir.types import (
    CODE_TYPES,
    Array,
    DType,
    Float64,
    Int32,
    Shape,
    elem_count,
    freeze,
    require,
    require_codes,
)
from mcuq.ops.channels import ChannelwiseStep
from mcuq.ops.weighted import checked_requant, finish

# Values so many units from a feature's centre still have codes; its scale makes units of deviations mostly.
FEATURE_REACH = 32.0
# Codes less offsets stay below this, whatever the offset.
_MOST = 2**17


def _infer(x: Shape, features: int) -> Shape:
    if x[-1:] != (features,):
        raise ShapeError(f"input {x} does not have {features} features")
    return x


@dataclasses.dataclass(frozen=True, slots=True)
class FeatureScale(Op):
    """y = x scale + shift with one positive scale and one shift for each index of the last axis."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    kind: ClassVar[str] = "feature_scale"
    range_rule: ClassVar[RangeRule] = RangeRule.CALIBRATED
    arity: ClassVar[tuple[int, int]] = (1, 1)
    takes: ClassVar[tuple[DType, ...]] = CODE_TYPES
    converts: ClassVar[bool] = True

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return _infer(shapes[0], len(self.scale))

    def feature_limits(self, view: NodeView) -> Float64:
        """Values from which each feature lies `FEATURE_REACH` away."""
        scale, shift = np.array(self.scale), np.array(self.shift)
        limits: Float64 = np.abs(shift / scale) + FEATURE_REACH / scale
        return limits

    def spread(self, inputs: Sequence[Spread], shapes: Sequence[Shape]) -> Spread | None:
        return np.asarray(inputs[0] * np.array(self.scale) + np.array(self.shift))

    def lower(self, inputs: Sequence[Operand], output: Operand, rounding: Rounding) -> FeatureScaleStep:
        """A multiplier and an offset for each feature.

        Raises:
            LoweringRefusal: Q003 where a scale is out of range.
        """
        (x,) = inputs
        scale, shift = np.array(self.scale), np.array(self.shift)
        steps = x.quant.steps(x.shape[-1])
        offset = x.quant.zero_point - round_half_away_array(shift / (scale * steps))
        offset = np.clip(offset, -_MOST + DType.INT16.qmax, _MOST + DType.INT16.qmin)
        return FeatureScaleStep(
            x_type=x.quant.dtype,
            offset=freeze(offset, "int32"),
            requant=checked_requant((scale * steps / output.quant.step).tolist(), rounding, _MOST),
            y_zero_point=output.quant.zero_point,
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class FeatureScaleStep(ChannelwiseStep):
    """`y = clamp(rq_f(x - offset[f]) + y_zero_point)` of int8 or int16 codes, as int8.

    Source: docs/numerics.md, the table of operators.

    Args:
        x_type: of the codes.
        offset: int32 `[F]`, of features.
        requant: one scale for each.
        y_zero_point: of the output.
    """

    x_type: DType
    offset: Int32
    requant: Requant
    y_zero_point: int

    kind: ClassVar[str] = "feature_scale"

    def __post_init__(self) -> None:
        """Check that differences stay in int32 when they are shifted left."""
        require(self.x_type in CODE_TYPES, "int8 or int16 codes")
        require(self.offset.ndim == 1 and len(self.offset) > 0, "offsets of features")
        require(len(self.requant.shift) == len(self.offset), "a scale for each")
        require_codes(self.y_zero_point)
        offset = self.offset.astype(np.int64)
        most = np.maximum(self.x_type.qmax - offset, offset - self.x_type.qmin)
        require(int(most.max()) <= _MOST, "offsets near codes")
        require((_MOST << self.requant.max_left_shift) + 256 <= INT32_MAX, "differences that stay in int32")

    def infer(self, *shapes: Shape) -> Shape:
        """The input's shape."""
        return _infer(shapes[0], len(self.offset))

    def output_types(self, *types: DType) -> tuple[DType, ...]:
        """int8, whatever the input is."""
        require_types(self.kind, types, self.x_type)
        return (DType.INT8,)

    def code_range(self) -> tuple[int, int]:
        """All codes."""
        return DType.INT8.qmin, DType.INT8.qmax

    def operations(self, output: Shape) -> int:
        """Every element."""
        return elem_count(output)

    def weight_bytes(self) -> int:
        """Offsets, multipliers and shifts."""
        return 9 * len(self.offset)

    def run(self, *xs: Array) -> Array:
        """X `[samples, ..., F]` to y of the same shape."""
        return finish(
            xs[0].astype(np.int64) - self.offset, self.requant, self.y_zero_point, *self.code_range()
        )

    def select(self, inputs: Sequence[Array], output: Array, bounds: Sequence[Bounds]) -> FeatureScaleStep:
        """Fewer features."""
        (kept,) = inputs
        pairs = [
            (m, s)
            for m, s, keep in zip(self.requant.multiplier, self.requant.shift, kept, strict=True)
            if keep
        ]
        scale = Requant(tuple(m for m, _ in pairs), tuple(s for _, s in pairs), self.requant.rounding)
        return dataclasses.replace(self, offset=freeze(self.offset[kept]), requant=scale)
