"""Layers with weights in QDQ models: real values with the bias, or whole numbers that are requantized."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.program import Step
from mcuq.onnxio.export.limits import limited_codes
from mcuq.onnxio.export.qdq_rounding import real, requantized, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter
from mcuq.ops.weighted import WeightedParams


def weighted_operands(
    writer: QdqWriter,
    step: Step,
    params: WeightedParams,
    x: str,
    weights: str,
    scale: Sequence[float],
    shape: Sequence[int],
) -> list[str]:
    """Inputs of a layer: real values with the bias, or whole numbers that it is added to later.

    Args:
        writer: the model under construction.
        step: the layer.
        params: its integers.
        x: real values of its input.
        weights: real values of its weights.
        scale: of the weights, one or one per output channel.
        shape: in which several scales broadcast to the weights.
    """
    x_scale = writer.quant(str(step.inputs[0])).step
    if writer.is_plain:
        bias = writer.codes(params.bias, [x_scale * each for each in scale], 0, f"{step.name}.bias")
        return [x, weights, bias]
    scales = np.maximum(np.array(scale, np.float32), np.finfo(np.float32).tiny).reshape(shape)
    return [whole(writer, x, x_scale), whole(writer, weights, scales)]


def finished(writer: QdqWriter, step: Step, params: WeightedParams, y: str, shape: Sequence[int]) -> str:
    """The activation of a layer, behind its bias and rounding where it has whole numbers.

    Args:
        writer: the model under construction.
        step: the layer.
        params: its integers.
        y: its sums.
        shape: in which one value per channel broadcasts to them.
    """
    if not writer.is_plain:
        bias = writer.call(f"{step.name}.bias_quantized").constant(params.bias)
        bias = writer.reshape(bias, (-1, *shape[1:])) if len(shape) > 1 else bias
        y = writer.node("Add", [to_double(writer, y), to_double(writer, bias)])
        y = requantized(writer, y, params.requant, shape)
        y = real(writer, y, writer.quant(str(step.output)).step)
    return limited_codes(writer, step, y, params.lo, params.hi)
