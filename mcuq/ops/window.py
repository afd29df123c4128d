"""The sliding window of convolutions and pools."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from mcuq.ir.op import ShapeError
from mcuq.ir.types import Array, require

# Sums of these and of image sizes stay in the kernels' int32.
MAX_WINDOW = 1 << 24


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

    def taps(self, image: Array) -> Iterator[tuple[tuple[int, int], Array]]:
        """For each tap (i, j) the input it reads at every output, `[n, OH, OW, C]`.

        Args:
            image: `[n, H, W, C]`, padding included.
        """
        (kh, kw), (sh, sw), (dh, dw) = self.kernel, self.strides, self.dilations
        oh = (image.shape[1] - dh * (kh - 1) - 1) // sh + 1
        ow = (image.shape[2] - dw * (kw - 1) - 1) // sw + 1
        for i in range(kh):
            for j in range(kw):
                rows = slice(i * dh, i * dh + (oh - 1) * sh + 1, sh)
                yield (i, j), image[:, rows, j * dw : j * dw + (ow - 1) * sw + 1 : sw]

    def patches(self, image: Array) -> Array:
        """All taps of every output side by side, `[n, OH, OW, KH * KW, C]`; image as in `taps`."""
        if self.kernel == (1, 1):
            return next(self.taps(image))[1][:, :, :, None]
        return np.stack([tap for _, tap in self.taps(image)], axis=3)
