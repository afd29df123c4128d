"""In which order kernels with windows read and write, so that outputs can lie over inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcuq.ir.plan import KernelWalk
from mcuq.ir.types import Shape, elem_count
from mcuq.kernels.variant import StepShapes
from mcuq.ops.window import Window


def window_walk(
    window: Window, x: Shape, y: Shape, pixels: int = 1, *, lane: int = 1, late: tuple[int, int] | None = None
) -> tuple[KernelWalk, ...]:
    """The walk of a kernel that computes image by image, row by row, pixel by pixel from its only input.

    Args:
        window: what an output reads.
        x: `[n, h, w, c]`, int8.
        y: `[n, oh, ow, m]`, int8.
        pixels: of so many outputs of an image the windows are read before any of them is written.
        lane: as in `KernelWalk`, for kernels that compute a pixel channel by channel.
        late: a channel of x and a number of codes: so many last codes of the last pixel are written after a
            look at the channels from that one on, the others before. None where all are read before.
    """
    lowest, per_image = lowest_bytes(window, x, y), y[1] * y[2]
    starts = (np.arange(0, per_image, pixels)[None] + per_image * np.arange(y[0])[:, None]).reshape(-1)
    needed = np.minimum.reduceat(lowest, starts)
    written = np.append(starts[1:], len(lowest)) * y[3]
    if late is not None:
        channel, count = late
        again = np.where(needed < elem_count(x), needed + channel, needed)
        needed = np.stack([needed, again], axis=1).reshape(-1)
        written = np.stack([written - count, written], axis=1).reshape(-1)
    return (KernelWalk(0, ascending(needed), written, lane),)


def tile_walk(window: Window, x: Shape, y: Shape, bands: Sequence[int], width: int) -> tuple[KernelWalk, ...]:
    """The walk of a kernel that computes tiles of an image, each channel by channel from its only input.

    Args:
        window: what an output reads.
        x: `[n, h, w, c]`, int8.
        y: `[n, oh, ow, c]`, int8.
        bands: rows of outputs of the tiles, from the top; oh together.
        width: columns of outputs of a tile, fewer in the last one of a band.
    """
    lowest = lowest_bytes(window, x, y).reshape(-1, y[2])
    ends = (np.cumsum(bands)[None] + y[1] * np.arange(y[0])[:, None]).reshape(-1)
    cols = np.minimum(np.arange(width, y[2] + width, width), y[2])
    starts = np.arange(0, y[2], width)
    needed = np.minimum.reduceat(np.minimum.reduceat(lowest, np.append(0, ends[:-1])), starts, axis=1)
    written = ((ends - 1)[:, None] * y[2] + cols[None]) * y[3]
    return (KernelWalk(0, ascending(needed.reshape(-1)), written.reshape(-1).astype(np.int64), y[3]),)


def square_walk(window: Window, x: Shape, y: Shape, edge: int) -> tuple[KernelWalk, ...]:
    """The walk of a kernel that reads two squares of outputs before it writes them, row by row of squares.

    Args:
        window: what an output reads, at stride 1.
        x: `[1, h, w, c]`, int8.
        y: `[1, oh, ow, m]`, int8.
        edge: of the squares, cut off at the output's end.
    """
    lowest = lowest_bytes(window, x, y).reshape(y[1], y[2])
    last_rows, ends = (np.minimum(np.arange(edge, size + edge, edge), size) for size in y[1:3])
    rows, columns = (np.arange(0, size, edge) for size in y[1:3])
    needed = np.minimum.reduceat(np.minimum.reduceat(lowest, rows), columns, axis=1).reshape(-1)
    written = (((last_rows - 1)[:, None] * y[2] + ends[None]) * y[3]).reshape(-1).astype(np.int64)
    starts = np.arange(0, len(needed), 2)
    done = np.maximum.accumulate(np.maximum.reduceat(written, starts))
    return (KernelWalk(0, ascending(np.minimum.reduceat(needed, starts)), done),)


def row_walk(rows: int, x_bytes: int, y_bytes: int, lane: int = 1) -> tuple[KernelWalk, ...]:
    """The walk of a kernel that reads a row of its only input before it writes one.

    Args:
        rows: how many, each behind the one before.
        x_bytes: of a row that is read.
        y_bytes: of a row that is written.
        lane: as in `KernelWalk`, for kernels that compute a row channel by channel.
    """
    row = np.arange(rows, dtype=np.int64)
    return (KernelWalk(0, row * x_bytes, (row + 1) * y_bytes, lane),)


def sized(walks: tuple[KernelWalk, ...], shapes: StepShapes, lane: int = 1) -> tuple[KernelWalk, ...]:
    """Walks counted in codes as walks counted in bytes; int16 stays at its alignment.

    Args:
        walks: without a lane, over inputs of one type.
        shapes: of the step.
        lane: as in `KernelWalk`, in bytes.
    """
    read, written = shapes.input_types[0].itemsize, shapes.output_types[0].itemsize
    return tuple(
        dataclasses.replace(
            walk, needed=walk.needed * read, written=walk.written * written, lane=max(read, written, lane)
        )
        for walk in walks
    )


def read_meanwhile(walk: KernelWalk) -> KernelWalk:
    """The walk of a kernel that goes on reading what a unit needs while it writes the unit."""
    return dataclasses.replace(walk, needed=np.repeat(walk.needed, 2), written=np.repeat(walk.written, 2))


def ascending(needed: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lowest of each value and all behind it."""
    return np.minimum.accumulate(needed[::-1])[::-1]


def lowest_bytes(window: Window, x: Shape, y: Shape) -> NDArray[np.int64]:
    """The first byte of x that each output pixel reads, `[n * oh * ow]`; x's size where it reads none."""
    rows, cols = (_lowest_inside(window, axis, x[1 + axis], y[1 + axis]) for axis in (0, 1))
    inside = (rows < x[1])[:, None] & (cols < x[2])[None]
    pixel = (rows[:, None] * x[2] + cols[None]) * x[3]
    images = np.arange(x[0])[:, None] * elem_count(x[1:]) + pixel.reshape(-1)[None]
    return np.where(inside.reshape(-1)[None], images, elem_count(x)).reshape(-1).astype(np.int64)


def _lowest_inside(window: Window, axis: int, size: int, out: int) -> NDArray[np.int64]:
    """The first place inside the image that each output's window has along an axis; `size` where none."""
    step, count = window.dilations[axis], window.kernel[axis]
    first = np.arange(out, dtype=np.int64) * window.strides[axis] - window.pads[axis]
    lowest = np.where(first < 0, first % step, first)
    return np.where(lowest <= np.minimum(first + step * (count - 1), size - 1), lowest, size)
