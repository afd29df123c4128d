"""Constants that readers look at, and those that they add to the graph."""

from __future__ import annotations

import numpy as np

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.types import Array, Shape, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor


def constant_integers(ctx: TfliteContext, tensor: TfliteTensor, role: str, most: int = 64) -> list[int]:
    """A constant list of integers.

    Raises:
        Refused: M004.
    """
    array = ctx.constant(tensor.name, role)
    if array.dtype.kind not in "iu" or array.size > most:
        raise unsupported(f"its {role} {quoted(tensor.name)} is no short list of integers", "make it one")
    return [int(value) for value in array.reshape(-1)]


def constant_axes(ctx: TfliteContext, node: TfliteNode, index: int) -> tuple[int, ...]:
    """The axes of input 0 that another input names, sorted.

    Raises:
        Refused: M004, or M002 where there is no such axis.
    """
    axes, rank = constant_integers(ctx, node.input(index), "axes"), len(node.input(0).shape)
    if not all(-rank <= axis < rank for axis in axes):
        raise Refused("M002", f"its axes are {axes} of {rank}", CONVERT_AGAIN)
    return tuple(sorted({axis % rank for axis in axes}))


def note_integers(ctx: TfliteContext, output: str, role: str, values: tuple[int, ...]) -> str:
    """Make a list of integers known as a constant that an ONNX reader may look at."""
    name = ctx.temporary(output, role)
    ctx.values[name] = freeze(np.array(values, np.int64))
    return name


def store_operand(
    ctx: TfliteContext, tensor: TfliteTensor, shape: Shape, *, rows: Shape | None = None
) -> str:
    """Add a constant operand to the graph, repeated to a shape; where it has codes, with these.

    Args:
        ctx: the graph under construction.
        tensor: the constant.
        shape: that it broadcasts to.
        rows: another shape of what that gives.

    Raises:
        Refused: M004 or M006.
    """
    encoding, rows = ctx.encodings.get(tensor.name), shape if rows is None else rows
    values = _repeated(ctx.weights(tensor.name, "operand"), shape).reshape(rows)
    name = ctx.store(values, f"{tensor.name} [operand]")
    if encoding is not None:
        assert encoding.codes is not None
        ctx.encodings[name] = ConstantEncoding(
            encoding.scale, encoding.zero_point, None, _repeated(encoding.codes, shape).reshape(rows)
        )
        ctx.quants[name] = tensor.quant()
    return name


def _repeated(array: Array, shape: Shape) -> Array:
    try:
        return freeze(np.broadcast_to(array, shape).copy())
    except ValueError as error:
        raise Refused("M006", f"a constant {array.shape} for {shape}", CONVERT_AGAIN) from error
