"""Images of one row on Helium, where CMSIS-NN computes the left end, the middle and the right end apart."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A window along a row.

    Args:
        size: pixels of the row.
        out: windows.
        taps: of a window.
        stride: between windows.
        pad: taps of the first window before the row.
        channels: of a pixel.
    """

    size: int
    out: int
    taps: int
    stride: int
    pad: int
    channels: int

    @property
    def _total_pad(self) -> int:
        return (self.out - 1) * self.stride + self.taps - self.size

    @property
    def _odd_pad(self) -> int:
        """As C's remainder: with the sign of the number."""
        return int(math.fmod(self._total_pad, 2))

    @property
    def _right(self) -> int:
        """Windows at the right end."""
        pad = self.pad + self._odd_pad
        return max(1, _divided(pad + self.stride - 1, self.stride)) if pad else 0

    @property
    def _left(self) -> int:
        return max(1, _divided(self.pad + self.stride - 1, self.stride)) if self.pad else 0

    @property
    def is_by_parts(self) -> bool:
        """Whether the parts are all windows; if not, the row is an image like others."""
        return self._right + max(self.out - self._right - self._left, 0) + self._left == self.out

    @property
    def buffer_bytes(self) -> int:
        """What the library asks for."""
        left, right = self.pad, self._right if self._odd_pad else self.pad
        return max(self.taps + left, self.taps - 1 + right) * self.channels

    def refusal(self) -> str | None:
        """Why the library does not read what the windows hold, or None: all are compared, tap by tap."""
        why = "the library does not compute such a border of a single row on Helium"
        if self.pad * 2 + self._odd_pad != self._total_pad:
            return why
        if not self.is_by_parts:
            return None
        return None if self._found() == self._meant() else why

    def _meant(self) -> list[list[int | None]]:
        """The pixels of every window, None beside the row."""
        starts = [index * self.stride - self.pad for index in range(self.out)]
        return [[self._pixel(start + tap) for tap in range(self.taps)] for start in starts]

    def _found(self) -> list[list[int | None]]:
        """What the library takes for them; pixels that there are not are -1."""
        left, right = self._left, self._right
        middle = self.out - left - right
        row = list(range(self.size)) + [-1] * (self.taps + self.stride * self.out)
        first: list[int | None] = [None] * self.pad
        found = self._windows([*first, *row[: self.taps]], left)
        start = self.stride * left - self.pad
        if start < 0:
            return []
        found += self._windows(row[start:], middle)
        start = self.stride * (left + middle) - self.pad
        border: list[int | None] = [None] * (right if self._odd_pad else self.pad)
        return found + self._windows([*row[start : start + self.taps - 1], *border], right)

    def _windows(self, pixels: Sequence[int | None], count: int) -> list[list[int | None]]:
        return [list(pixels[index * self.stride : index * self.stride + self.taps]) for index in range(count)]

    def _pixel(self, place: int) -> int | None:
        return place if 0 <= place < self.size else None


def _divided(value: int, by: int) -> int:
    """C's division."""
    return math.trunc(value / by)
