"""Layers with weights in QDQ models: real values with the bias, or whole numbers that are requantized."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mcuq.ir.program import Step
from mcuq.ir.types import DType
from mcuq.onnxio.export.limits import limited_codes
from mcuq.onnxio.export.qdq_rounding import real, requantized, scaled_half_up, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter
from mcuq.ops.accumulator import Accumulator, short_multipliers
from mcuq.ops.weighted import WeightedParams


def weighted_sums(
    writer: QdqWriter,
    step: Step,
    params: WeightedParams,
    operands: tuple[str, str],
    scale: Sequence[float],
    shape: Sequence[int],
    layer: Callable[[list[str]], str],
) -> str:
    """Real values of a layer, or its sums as whole numbers without the bias.

    Sums of int16 are those of the upper and of the lower bytes, each exact in single precision as far as
    sums of int8 are.

    Args:
        writer: the model under construction.
        step: the layer.
        params: its integers.
        operands: real values of its input and its weights.
        scale: of the weights, one or one per output channel.
        shape: in which several scales broadcast to the weights.
        layer: adds the operator, of input, weights and, in a plain model, bias.
    """
    found = weighted_operands(writer, step, params, *operands, scale, shape)
    if writer.is_plain or params.x_type is DType.INT8:
        return layer(found)
    byte, inverse = (writer.constant(np.array(each, np.float32)) for each in (256.0, 1 / 256.0))
    upper = writer.node("Floor", [writer.node("Mul", [found[0], inverse])])
    lower = writer.node("Sub", [found[0], writer.node("Mul", [upper, byte])])
    sums = [to_double(writer, layer([each, found[1]])) for each in (upper, lower)]
    return writer.node("Add", [writer.node("Mul", [sums[0], writer.exact(np.array(256.0))]), sums[1]])


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
        if params.accumulator is Accumulator.INT64:
            # Source: docs/numerics.md, R3, acc64.
            exponent = np.array(params.requant.shift, np.float64) - 15.0
            factor = np.asarray(short_multipliers(params.requant), np.float64) * np.exp2(exponent)
            y = scaled_half_up(writer, y, factor, shape)
        else:
            y = requantized(writer, y, params.requant, shape)
        y = real(writer, y, writer.quant(str(step.output)).step)
    return limited_codes(writer, step, y, params.lo, params.hi)
