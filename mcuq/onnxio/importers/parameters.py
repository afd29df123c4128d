"""Parameters that ONNX moved from attributes to inputs over time."""

from __future__ import annotations

from mcuq.ir.types import Array
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported


def read_ints(ctx: ImportContext, name: str, role: str) -> tuple[int, ...]:
    """A constant list of integers.

    Raises:
        Refused: M002 or M004.
    """
    array = ctx.constant(name, role)
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise Refused("M002", f"its {role} has type {array.dtype} and shape {array.shape}", "export it again")
    return tuple(int(value) for value in array.reshape(-1))


def read_scalar(ctx: ImportContext, name: str, role: str) -> float:
    """A constant number; infinity is one.

    Raises:
        Refused: M002 or M004.
    """
    array: Array = ctx.constant(name, role)
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise Refused("M002", f"its {role} has type {array.dtype} and shape {array.shape}", "export it again")
    return float(array.reshape(-1)[0])


def read_axes(ctx: ImportContext, node: OnnxNode, *, since: int, rank: int) -> tuple[int, ...] | None:
    """The axes of a node, attribute before opset `since` and input 1 from then on; None where not given.

    Raises:
        Refused: M002 or M004.
    """
    if ctx.opset >= since:
        name = node.input(1)
        axes = None if name is None else read_ints(ctx, name, "axes")
    else:
        axes = node.get_ints("axes")
    if not axes:
        return None
    return normalize_axes(axes, rank)


def normalize_axes(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Axes counted from the front.

    Raises:
        Refused: M002.
    """
    out = tuple(axis + rank if axis < 0 else axis for axis in axes)
    if any(not 0 <= axis < rank for axis in out) or len(set(out)) != len(out):
        raise Refused("M002", f"axes {axes} do not fit a tensor with {rank} axes", "export the model again")
    return out


def normalize_axis(axis: int, rank: int) -> int:
    """One axis counted from the front."""
    if rank == 0:
        raise unsupported("its input is a scalar", "give it a tensor with axes")
    return normalize_axes((axis,), rank)[0]
