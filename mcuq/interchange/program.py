"""The quantization parameters that a program was lowered from."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mcuq.ir.integer import Requant, quantize_multiplier
from mcuq.ir.program import Program, Step
from mcuq.ir.types import CODE_TYPES, DType, QuantParams
from mcuq.ops.weighted_step import WeightedStep

_TINY = float(np.finfo(np.float32).tiny)


@dataclasses.dataclass(frozen=True, slots=True)
class LayerScales:
    """The weight scales of one layer.

    Args:
        layer: the step's name.
        output: the tensor it computes.
        known: float32-exact, one per output channel; NaN where the multiplier is 0, whatever the scale was.
        groups: of input channels; an output channel reads those of one.
        bits: of a weight, 4 or 8.
    """

    layer: str
    output: str
    known: tuple[float, ...]
    groups: int = 1
    bits: int = 8

    @property
    def is_exact(self) -> bool:
        """Whether all scales are known."""
        return not any(map(math.isnan, self.known))

    @property
    def scale(self) -> tuple[float, ...]:
        """The scales, or the smallest one for channels that are constant."""
        return tuple(_TINY if math.isnan(each) else each for each in self.known)


def activation_params(program: Program) -> dict[str, QuantParams]:
    """The parameters of every tensor of codes by name, in order."""
    return {each.name: each.quant for each in program.tensors if each.quant.dtype in CODE_TYPES}


def layer_scales(program: Program) -> dict[int, LayerScales]:
    """The weight scales of every layer, by the index of its step."""
    return {
        index: _layer(program, step, step.op)
        for index, step in enumerate(program.steps)
        if isinstance(step.op, WeightedStep)
    }


def _layer(program: Program, step: Step, op: WeightedStep) -> LayerScales:
    x, y = (program.tensors[index] for index in (step.inputs[0], step.output))
    found = (
        recover_scale(multiplier, shift, x.quant.step, y.quant.step)
        for multiplier, shift in _pairs(op.params.requant)
    )
    known = tuple(math.nan if each is None else each for each in found)
    groups = x.shape[-1] // op.params.weights.shape[-1]
    bits = 4 if op.params.weight_type is DType.INT4 else 8
    return LayerScales(step.name, y.name, known, groups, bits)


def _pairs(requant: Requant) -> zip[tuple[int, int]]:
    return zip(requant.multiplier, requant.shift, strict=True)


def recover_scale(multiplier: int, shift: int, x_scale: float, y_scale: float) -> float | None:
    """The weight scale of which a multiplier was made: `QM(s_x s_w / s_y)`, solved for s_w.

    A multiplier has 31 bits and a scale 24, so that at most one scale gives it.

    Returns:
        float32-exact; None where the multiplier is 0.

    Source: docs/numerics.md, R2.
    """
    real = multiplier * 2.0 ** (shift - 31) * y_scale / x_scale
    with np.errstate(over="ignore", under="ignore"):
        nearest = np.float32(real)
    below, above = np.nextafter(nearest, np.float32(0)), np.nextafter(nearest, np.float32(np.inf))
    for candidate in (nearest, below, above):
        scale = float(candidate)
        if scale > 0 and quantize_multiplier(x_scale * scale / y_scale) == (multiplier, shift):
            return scale if multiplier else None
    return None
