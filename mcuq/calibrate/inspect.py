"""Warnings that follow from calibration samples alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from mcuq.ir.types import Array

FEW_SAMPLES = 16


class SampleInspector:
    """Looks for too few samples, exact repetitions, and samples of one value."""

    __slots__ = ("_constant", "_number", "_repeated", "_seen")

    def __init__(self) -> None:
        """Start before the first sample."""
        self._number = 0
        self._seen: dict[bytes, int] = {}
        self._repeated: list[tuple[int, int]] = []
        self._constant: list[int] = []

    def take(self, values: Mapping[str, Array]) -> None:
        """Look at all inputs of the next samples, `[k, ...]` by name."""
        for row in range(len(next(iter(values.values())))):
            arrays = [array[row] for array in values.values()]
            digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).digest()
            if digest in self._seen:
                self._repeated.append((self._number, self._seen[digest]))
            self._seen.setdefault(digest, self._number)
            # A single value is no picture of another one.
            if all(array.size > 1 and array.min() == array.max() for array in arrays):
                self._constant.append(self._number)
            self._number += 1

    def warnings(self) -> Iterator[str]:
        """A line for everything that was found."""
        if self._number < FEW_SAMPLES:
            yield f"there are only {self._number} calibration samples: 100 to 200 give reliable ranges"
        of_all = f"of {self._number} calibration samples"
        if self._repeated:
            again, first = self._repeated[0]
            yield f"{len(self._repeated)} {of_all} repeat others exactly, as {again} does {first}"
        if self._constant:
            yield f"{len(self._constant)} {of_all} hold one value throughout, as sample {self._constant[0]}"
