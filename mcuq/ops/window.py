"""The sliding window of convolutions and pools."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from mcuq.ir.op import ShapeError
from mcuq.ir.types import Array


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
