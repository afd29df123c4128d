"""The sliding window of convolutions and pools."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Protocol, cast

import numpy as np

from mcuq.ir.columns import SPLIT_IT, Along, NotAlong, Sliding, WholeTime
from mcuq.ir.op import ShapeError, SizeError
from mcuq.ir.program import StepOp
from mcuq.ir.spread import Spread, bell, moments
from mcuq.ir.types import MAX_TENSOR_ELEMS, Array, Shape, elem_count, require
from mcuq.ops.channels import columnwise

# Sums of these and of image sizes stay in the kernels' int32.
MAX_WINDOW = 1 << 24
# Taps of a window; a mean over a whole image of a megapixel is one.
MAX_TAPS = 1 << 20
# n neighbours count as so many independent ones, as a power of n.
_INDEPENDENT = 0.25


class Geometry(Protocol):
    """Where the taps of a layer lie: a sliding window, or one that every input value adds to the output."""

    @property
    def kernel(self) -> tuple[int, int]:
        """Taps (kh, kw)."""

    def output_shape(self, x: Shape, channels: int) -> Shape:
        """`[N, OH, OW, channels]` for x `[N, H, W, C]`, or ShapeError."""


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A sliding window over H and W.

    Args:
        kernel: taps (kh, kw).
        strides: steps (h, w).
        pads: (top, left, bottom, right).
        dilations: distances between taps (h, w).
    """

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        """Check that the window moves forward."""
        positive = min(*self.kernel, *self.strides, *self.dilations)
        require(positive >= 1 and min(self.pads) >= 0, "a window that moves forward")

    @property
    def can_miss_image(self) -> bool:
        """Whether all taps of some output may lie outside the image."""
        reach = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        is_apart = self.dilations != (1, 1) and any(self.pads)
        return is_apart or any(pad >= size for pad, size in zip(self.pads, reach * 2, strict=True))

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Output height and width (floor), or ShapeError when the window does not fit."""
        top, left, bottom, right = self.pads
        sizes = []
        for size, pad, kernel, stride, dilation in zip(
            (height, width),
            (top + bottom, left + right),
            self.kernel,
            self.strides,
            self.dilations,
            strict=True,
        ):
            room = size + pad - (dilation * (kernel - 1) + 1)
            if room < 0:
                raise ShapeError(f"{kernel} taps at distance {dilation} do not fit into {size} + {pad}")
            sizes.append(room // stride + 1)
        largest = max(*self.kernel, *self.strides, *self.pads, *self.dilations)
        # An output as large as that is refused for its own size.
        if largest > MAX_WINDOW >= max(sizes):
            raise ShapeError(f"the window has a size of {largest:_}, the limit is {MAX_WINDOW:_}")
        return sizes[0], sizes[1]

    def output_shape(self, x: Shape, channels: int) -> Shape:
        """`[N, OH, OW, channels]`.

        Args:
            x: `[N, H, W, C]`.
            channels: of the output.

        Raises:
            ShapeError: where the window does not fit.
            SizeError: where it asks for more than a computer should give.
        """
        if len(x) != 4:
            raise ShapeError(f"input must have 4 axes, found {x}")
        oh, ow = self.output_size(x[1], x[2])
        top, left, bottom, right = self.pads
        padded = (x[0], x[1] + top + bottom, x[2] + left + right, x[3])
        if elem_count(padded) > MAX_TENSOR_ELEMS:
            raise SizeError(f"the padded input {padded} has more than {MAX_TENSOR_ELEMS:_} elements")
        if elem_count(self.kernel) > MAX_TAPS:
            raise SizeError(f"the window {self.kernel} has more than {MAX_TAPS:_} taps")
        return (x[0], oh, ow, channels)

    def pad_obstacle(self, pads: tuple[tuple[int, int], ...]) -> str | None:
        """Why a border of an image `[N, H, W, C]` cannot become padding of the window."""
        is_spatial = not any(size for axis in (0, 3) for size in pads[axis])
        return None if is_spatial else "it pads batch or channels"

    def padded(self, pads: tuple[tuple[int, int], ...]) -> Window:
        """The window with a border of an image as padding of its own."""
        (top, bottom), (left, right) = pads[1:3]
        old = self.pads
        return dataclasses.replace(self, pads=(old[0] + top, old[1] + left, old[2] + bottom, old[3] + right))

    def empty_window(self, pads: tuple[tuple[int, int], ...]) -> str | None:
        """Why some window would find no tap inside the image, if a border became padding."""
        for axis, (before, after) in enumerate(pads[1:3]):
            extent = self.dilations[axis] * (self.kernel[axis] - 1) + 1
            if max(before + self.pads[axis], after + self.pads[axis + 2]) >= extent:
                return f"windows of {extent} would lie outside the image"
        return None

    def is_still(self, axis: int) -> bool:
        """Whether it has one tap along an axis, 0 for H and 1 for W, and looks at every place."""
        return self.kernel[axis] == 1 and self.strides[axis] == 1 and not any(self.pads[axis::2])

    def along_columns(self, axis: int) -> Window:
        """The window that does along W what this one does along an axis, 0 for H and 1 for W."""
        return Window(
            (1, self.kernel[axis]),
            (1, self.strides[axis]),
            (0, self.pads[:2][axis], 0, self.pads[2:][axis]),
            (1, self.dilations[axis]),
        )

    @property
    def turned(self) -> Window:
        """The window with rows and columns swapped."""
        top, left, bottom, right = self.pads
        return Window(self.kernel[::-1], self.strides[::-1], (left, top, right, bottom), self.dilations[::-1])

    def with_pads(self, axis: int, before: int, after: int) -> Window:
        """The window with other padding along an axis, 0 for H and 1 for W."""
        pads = list(self.pads)
        pads[axis], pads[axis + 2] = before, after
        top, left, bottom, right = pads
        return dataclasses.replace(self, pads=(top, left, bottom, right))

    def _inner_size(self, image: Array) -> tuple[int, int]:
        """Rows and columns of outputs of an image whose padding is in it."""
        height, width = (
            (size - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, dilation in zip(
                image.shape[1:3], self.kernel, self.strides, self.dilations, strict=True
            )
        )
        return height, width

    def taps(self, image: Array) -> Iterator[tuple[tuple[int, int], Array]]:
        """For each tap (i, j) the input it reads at every output, `[n, OH, OW, C]`.

        Args:
            image: `[n, H, W, C]`, padding included.
        """
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilations
        oh, ow = self._inner_size(image)
        for i in range(kh):
            for j in range(kw):
                rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
                yield (i, j), image[:, rows, j * dw : j * dw + (ow - 1) * sw + 1 : sw]

    def row_taps(self, image: Array) -> Array:
        """A view of what each tap reads for a row of outputs, `[n, OH, KH, KW, OW * C]`; image as in `taps`.

        Columns that a stride leaves apart are put together first, so that a row is one run of memory.
        """
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilations
        oh, ow = self._inner_size(image)
        n, channels = len(image), image.shape[3]
        if sw == 1:
            flat = np.ascontiguousarray(image)
            at_n, at_h, at_w, at_c = flat.strides
            at_j = dw * at_w
        else:
            ends = [j * dw + (ow - 1) * sw + 1 for j in range(kw)]
            flat = np.stack([image[:, :, j * dw : end : sw] for j, end in enumerate(ends)], axis=1)
            at_n, at_j, at_h, _, at_c = flat.strides
        return np.lib.stride_tricks.as_strided(
            flat, (n, oh, kh, kw, ow * channels), (at_n, sh * at_h, dh * at_h, at_j, at_c), writeable=False
        )

    def patches(self, image: Array) -> Array:
        """All taps of every output side by side, `[n, OH, OW, KH * KW, C]`; image as in `taps`."""
        if self.kernel == (1, 1):
            return next(self.taps(image))[1][:, :, :, None]
        windows = self._windows(image)
        return windows.reshape(*windows.shape[:3], -1, windows.shape[5])

    def _windows(self, image: Array) -> Array:
        """A view of all taps of every output, `[n, OH, OW, KH, KW, C]`; image as in `taps`."""
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilations
        n, _, _, channels = image.shape
        oh, ow = self._inner_size(image)
        at_n, at_h, at_w, at_c = image.strides
        return np.lib.stride_tricks.as_strided(
            image,
            (n, oh, ow, kh, kw, channels),
            (at_n, sh * at_h, sw * at_w, dh * at_h, dw * at_w, at_c),
            writeable=False,
        )

    def blocks(self, image: Array, elems: int) -> Iterator[tuple[tuple[int, slice, slice], Array]]:
        """The patches of one image and part of its outputs after the other, for large windows.

        Args:
            image: as in `taps`.
            elems: the most elements of a block; one output's patch may be more.

        Yields:
            (sample, output rows, output columns) and patches `[rows, columns, KH * KW * C]`.
        """
        patches = self._windows(image)
        n, oh, ow, kh, kw, channels = patches.shape
        pixels = max(1, elems // (kh * kw * channels))
        rows, columns = max(1, pixels // ow), min(pixels, ow)
        for sample in range(n):
            for top in range(0, oh, rows):
                for left in range(0, ow, columns):
                    place = sample, slice(top, top + rows), slice(left, left + columns)
                    block = patches[place]
                    yield place, block.reshape(*block.shape[:2], -1)


def window_along(op: StepOp, window: Window, axis: int, fill: int | None) -> Along:
    """`StepOp.along` of steps that slide a window over images `[N, H, W, C]`.

    Args:
        op: a dataclass whose field `window` is the window.
        window: of the step.
        axis: of the image.
        fill: the code that its padding stands for, None where no code does.
    """
    if axis == 0:
        return columnwise(op, axis)
    if axis == 3:
        return WholeTime() if window.kernel == (1, 1) else NotAlong("time lies along its channels", SPLIT_IT)
    place = axis - 1

    def bordered(before: int, after: int) -> StepOp:
        return changed_window(op, window.with_pads(place, before, after))

    inner = bordered(0, 0)
    reach = window.dilations[place] * (window.kernel[place] - 1) + 1
    before = window.pads[place]
    left = fill if before else None
    return Sliding(reach, window.strides[place], before, lambda _: inner, left, axis, bordered)


def changed_window(op: StepOp, window: Window) -> StepOp:
    """A step with another window; every step is a dataclass, which its base cannot say."""
    return cast(StepOp, dataclasses.replace(cast(Any, op), window=window))


def mean_spread(points: Spread, window: Window) -> Spread:
    """Neighbours resemble each other, so n taps count as the fourth root of n independent ones.

    Measured on the calibration halves, n^0 / n^1/4 / n^1/2 / n^1: IC 29.6 / 31.2 / 32.0 / 20.4 dB, VWW 24.5 /
    24.7 / 23.6 / 14.1, KWS 23.9 / 23.9 / 21.9 / 15.8, digits 30.2 / 30.6 / 31.0 / 23.9.
    """
    mean, variance = moments(points)
    taps = elem_count(window.kernel)
    averaged = bell(mean, np.sqrt(variance / taps**_INDEPENDENT))
    spread: Spread = np.clip(averaged, points.min(0), points.max(0))
    return spread
