"""The sliding window of convolutions and pools."""

from __future__ import annotations

import dataclasses

from mcuq.ir.op import ShapeError


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
