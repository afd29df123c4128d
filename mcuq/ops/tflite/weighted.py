"""Weights and biases as TensorFlow Lite stores them."""

from __future__ import annotations

import numpy as np

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.types import Array, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor


def store_weights(
    ctx: TfliteContext, tensor: TfliteTensor, order: tuple[int, ...], shape: tuple[int, ...]
) -> str:
    """Add weights to the graph, output channels first.

    Args:
        ctx: the graph under construction.
        tensor: the weights of the file.
        order: of its axes, the output channels first.
        shape: in this order.

    Raises:
        Refused: M004 where they are computed at run time, have zero points, or scales along another axis.
    """
    real = ctx.weights(tensor.name, "weights")
    name = ctx.store(_turned(real, order, shape), tensor.name)
    encoding = ctx.encodings.get(tensor.name)
    ctx.weight_axes[name] = 0
    if encoding is None:
        if ctx.has_codes:
            raise unsupported(f"its weights have type {tensor.kind}", "convert with int8 weights")
        return name
    if not encoding.is_symmetric:
        raise unsupported("its weights have zero points", "convert with symmetric int8 weights")
    if encoding.axis not in (None, order[0]):
        raise unsupported(f"its scales lie along axis {encoding.axis}", "quantize per output channel")
    assert encoding.codes is not None
    codes = freeze(_turned(encoding.codes, order, shape))
    axis = None if encoding.axis is None else 0
    ctx.encodings[name] = ConstantEncoding(encoding.scale, encoding.zero_point, axis, codes)
    return name


def _turned(array: Array, order: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    return freeze(array.transpose(order).reshape(shape))


def store_bias(ctx: TfliteContext, node: TfliteNode, weights: str, *, at: tuple[int, int] = (0, 2)) -> str:
    """Add the bias to the graph; zeros where it is left out.

    TensorFlow Lite adds its integers as they are, so that their scale is that of the products.

    Args:
        ctx: the graph under construction.
        node: the layer.
        weights: in the graph, output channels first.
        at: which inputs are the values and the bias.

    Raises:
        Refused: M004 or M006.
    """
    channels = ctx.tensors[weights].shape[0]
    tensor = node.optional_input(at[1])
    if tensor is None:
        return ctx.store(np.zeros(channels, np.float32), f"{node.output.name} [bias]")
    if not tensor.is_constant:
        raise unsupported(f"its bias {quoted(tensor.name)} is computed at run time", "make it constant")
    if tensor.shape != (channels,):
        raise Refused("M006", f"its bias has shape {tensor.shape} for {channels} outputs", CONVERT_AGAIN)
    if not ctx.has_codes:
        return ctx.store(ctx.weights(tensor.name, "bias"), tensor.name)
    if tensor.kind != "INT32":
        raise unsupported(f"its bias has type {tensor.kind}", "convert with int32 biases")
    codes = tensor.values()
    x, w = node.input(at[0]).quant(), ctx.encodings[weights]
    step = np.broadcast_to(np.array(w.scale) * x.step, (channels,)).astype(np.float32)
    if not ((step > 0) & np.isfinite(step)).all():
        raise Refused("Q005", "the products of its scales leave float32", CONVERT_AGAIN)
    name = ctx.store(freeze(codes.astype(np.float32) * step), tensor.name)
    scale = tuple(float(each) for each in step)
    ctx.encodings[name] = ConstantEncoding(scale, (0,) * channels, 0, codes)
    return name
