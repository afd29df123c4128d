"""Operators that exchange places of images, channels and batches."""

from __future__ import annotations

import math

from mcuq.ir.types import MAX_TENSOR_ELEMS, Shape
from mcuq.onnxio.refusal import Refused
from mcuq.ops.onnx.emit import reshape, transpose
from mcuq.ops.onnx.slice import slice_axes
from mcuq.ops.pad import Pad
from mcuq.ops.tflite.constants import constant_integers
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN


def read_space_to_depth(ctx: TfliteContext, node: TfliteNode) -> None:
    """Blocks of an image as channels: a reshape, a transpose and a reshape."""
    x, block = node.input(0), node.integer("SpaceToDepthOptions", "BlockSize")
    if len(x.shape) != 4 or block < 1 or x.shape[1] % block or x.shape[2] % block:
        raise Refused("M006", f"blocks of {block} do not fit {x.shape}", CONVERT_AGAIN)
    n, h, w, c = x.shape[0], x.shape[1] // block, x.shape[2] // block, x.shape[3]
    split, out = (n, h, block, w, block, c), (n, h, w, block * block * c)
    _shuffle(ctx, ctx.x(x), split, (0, 1, 3, 2, 4, 5), out, node.output.name)


def read_depth_to_space(ctx: TfliteContext, node: TfliteNode) -> None:
    """Channels as blocks of an image: a reshape, a transpose and a reshape."""
    x, block = node.input(0), node.integer("DepthToSpaceOptions", "BlockSize")
    if len(x.shape) != 4 or block < 1 or x.shape[3] % (block * block):
        raise Refused("M006", f"blocks of {block} do not fit {x.shape}", CONVERT_AGAIN)
    n, h, w, c = *x.shape[:3], x.shape[3] // (block * block)
    split, out = (n, h, w, block, block, c), (n, h * block, w * block, c)
    _shuffle(ctx, ctx.x(x), split, (0, 1, 3, 2, 4, 5), out, node.output.name)


def read_space_to_batch(ctx: TfliteContext, node: TfliteNode) -> None:
    """Every block-th place of a padded image as an image of its own: a pad, reshapes and a transpose."""
    x, (blocks, edges) = node.input(0), _blocks(ctx, node)
    space, y = len(blocks), node.output.name
    pads = ((0, 0), *edges, *((0, 0),) * (len(x.shape) - 1 - space))
    sizes = [size + sum(pair) for size, pair in zip(x.shape, pads, strict=True)]
    if math.prod(sizes) > MAX_TENSOR_ELEMS:
        raise Refused("M011", f"its border makes {tuple(sizes)}", "shrink it")
    if any(size % block for size, block in zip(sizes[1:], blocks, strict=False)):
        raise Refused("M006", f"blocks {blocks} do not fit {tuple(sizes)}", CONVERT_AGAIN)
    name = ctx.emit(Pad(pads), (ctx.x(x),), ctx.temporary(y, "padded"), is_helper=True)
    small = [size // block for size, block in zip(sizes[1:], blocks, strict=False)]
    pairs = [each for pair in zip(small, blocks, strict=True) for each in pair]
    rest, places = tuple(sizes[1 + space :]), range(space)
    last = tuple(range(1 + 2 * space, 1 + 2 * space + len(rest)))
    perm = (*(2 + 2 * axis for axis in places), 0, *(1 + 2 * axis for axis in places), *last)
    out = (sizes[0] * math.prod(blocks), *small, *rest)
    _shuffle(ctx, name, (sizes[0], *pairs, *rest), perm, out, y)


def read_batch_to_space(ctx: TfliteContext, node: TfliteNode) -> None:
    """Images whose places alternate as one image without its border: reshapes, a transpose and a slice."""
    x, (blocks, edges) = node.input(0), _blocks(ctx, node)
    space, y = len(blocks), node.output.name
    batch, spatial, rest = x.shape[0], x.shape[1 : 1 + space], x.shape[1 + space :]
    count = math.prod(blocks)
    if batch % count:
        raise Refused("M006", f"blocks {blocks} do not fit {batch} images", CONVERT_AGAIN)
    sizes = [size * block for size, block in zip(spatial, blocks, strict=True)]
    if any(sum(pair) >= size for pair, size in zip(edges, sizes, strict=True)):
        raise Refused("M006", f"a border of {edges} leaves nothing of {tuple(sizes)}", CONVERT_AGAIN)
    split = (*blocks, batch // count, *spatial, *rest)
    pairs = [axis for place in range(space) for axis in (space + 1 + place, place)]
    perm = (space, *pairs, *range(2 * space + 1, 2 * space + 1 + len(rest)))
    whole = ctx.temporary(y, "whole")
    _shuffle(ctx, ctx.x(x), split, perm, (batch // count, *sizes, *rest), whole)
    spans = zip(edges, sizes, strict=True)
    slice_axes(
        ctx,
        whole,
        {1 + axis: (before, size - after, 1) for axis, ((before, after), size) in enumerate(spans)},
        y,
    )


def _blocks(ctx: TfliteContext, node: TfliteNode) -> tuple[list[int], tuple[tuple[int, int], ...]]:
    """The size of blocks and what is added to or cut off each spatial axis."""
    blocks = constant_integers(ctx, node.input(1), "blocks")
    flat = constant_integers(ctx, node.input(2), "border")
    rank = len(node.input(0).shape)
    if not 0 < len(blocks) < rank or len(flat) != 2 * len(blocks) or min(*blocks, 1) < 1 or min(flat) < 0:
        raise Refused("M002", f"blocks {blocks} and border {flat} for {rank} axes", CONVERT_AGAIN)
    return blocks, tuple(zip(flat[::2], flat[1::2], strict=True))


def _shuffle(
    ctx: TfliteContext, x: str, split: Shape, perm: tuple[int, ...], out: Shape, output: str
) -> None:
    """Split axes, move them and merge them."""
    x = reshape(ctx, x, split, ctx.temporary(output, "split"))
    x = transpose(ctx, x, perm, ctx.temporary(output, "turned"))
    reshape(ctx, x, out, output)


FAMILY = (
    TfliteReader(read_batch_to_space, ("BATCH_TO_SPACE_ND",), Codes.MOVED),
    TfliteReader(read_depth_to_space, ("DEPTH_TO_SPACE",), Codes.MOVED),
    TfliteReader(read_space_to_batch, ("SPACE_TO_BATCH_ND",), Codes.MOVED),
    TfliteReader(read_space_to_depth, ("SPACE_TO_DEPTH",), Codes.MOVED),
)
