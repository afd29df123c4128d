"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.types import MAX_TENSOR_ELEMS
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.resize import WEIGHT_ONE, ResizeLinear, ResizeNearest
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN


def read_resize_nearest(ctx: TfliteContext, node: TfliteNode) -> None:
    """Nearest neighbours, with aligned corners or centres of pixels."""
    sizes, is_aligned, is_half = _read_sizes(ctx, node, "ResizeNearestNeighborOptions")
    rows, cols = (_nearest(old, new, is_aligned=is_aligned, is_half=is_half) for old, new in sizes)
    ctx.emit(ResizeNearest(rows, cols), (ctx.x(node.input(0)),), node.output.name)


def _nearest(old: int, new: int, *, is_aligned: bool, is_half: bool) -> tuple[int, ...]:
    """The index that each output takes, in float32 as TensorFlow Lite computes it.

    Source: TensorFlow Lite, `GetNearestNeighbor`.
    """
    scale = np.float32(old) / np.float32(new)
    if is_aligned and new > 1:
        scale = np.float32(old - 1) / np.float32(new - 1)
    offset = np.float32(0.5) if is_half else np.float32(0)
    places = (np.arange(new, dtype=np.float32) + offset) * scale
    found = []
    for place in places.tolist():
        index = math.floor(place + 0.5) if is_aligned else math.floor(place)
        found.append(max(0, min(index, old - 1)))
    return tuple(found)


def read_resize_bilinear(ctx: TfliteContext, node: TfliteNode) -> None:
    """Linear between neighbours, with aligned corners or centres of pixels."""
    sizes, is_aligned, is_half = _read_sizes(ctx, node, "ResizeBilinearOptions")
    find = _whole_places if ctx.has_codes else _places
    rows, cols = (find(old, new, is_aligned=is_aligned, is_half=is_half) for old, new in sizes)
    ctx.emit(ResizeLinear(rows, cols), (ctx.x(node.input(0)),), node.output.name)


def _places(old: int, new: int, *, is_aligned: bool, is_half: bool) -> tuple[float, ...]:
    """Where each output lies between inputs."""
    scale = (old - 1) / (new - 1) if is_aligned and new > 1 else old / new
    places = [(index + 0.5) * scale - 0.5 if is_half else index * scale for index in range(new)]
    return tuple(min(max(place, 0.0), old - 1.0) for place in places)


def _whole_places(old: int, new: int, *, is_aligned: bool, is_half: bool) -> tuple[float, ...]:
    """The same in 1024ths, as integers of TensorFlow Lite give them.

    Source: TensorFlow Lite, `ResizeBilinearInteger`.
    """
    scale = (WEIGHT_ONE * old + new // 2) // new
    if is_aligned and new > 1:
        scale = (WEIGHT_ONE * (old - 1) + (new - 1) // 2) // (new - 1)
    shift = scale // 2 - WEIGHT_ONE // 2 if is_half else 0
    places = [min(max(index * scale + shift, 0), (old - 1) * WEIGHT_ONE) for index in range(new)]
    return tuple(place / WEIGHT_ONE for place in places)


def _read_sizes(
    ctx: TfliteContext, node: TfliteNode, options: str
) -> tuple[list[tuple[int, int]], bool, bool]:
    """The old and the new size of rows and columns, whether corners are aligned, and centres of pixels."""
    x = node.input(0)
    size = ctx.constant(node.input(1).name, "size")
    if len(x.shape) != 4 or size.size != 2 or size.dtype.kind not in "iu":
        raise Refused("M006", f"size {size.shape} for input {x.shape}", CONVERT_AGAIN)
    is_aligned, is_half = (bool(node.integer(options, each)) for each in ("AlignCorners", "HalfPixelCenters"))
    wanted = [int(each) for each in size.reshape(-1)]
    if not all(0 < each <= MAX_TENSOR_ELEMS // x.shape[3] for each in wanted):
        raise Refused("M011", f"its output has size {wanted}", "shrink it")
    ctx.limits.check_moved((x.shape[0], *wanted, x.shape[3]))
    if is_aligned and is_half:
        raise unsupported("it has aligned corners and centres of pixels", "use one of them")
    return list(zip(x.shape[1:3], wanted, strict=True)), is_aligned, is_half


FAMILY = (
    TfliteReader(read_resize_bilinear, ("RESIZE_BILINEAR",), Codes.MOVED),
    TfliteReader(read_resize_nearest, ("RESIZE_NEAREST_NEIGHBOR",), Codes.MOVED),
)
