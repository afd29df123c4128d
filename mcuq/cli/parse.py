"""Option values that are more than a word."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mcuq.errors import fail


def parse_input_ranges(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """`NAME=lo:hi`, several times.

    Raises:
        McuqError: O001.

    >>> parse_input_ranges(["image=0:255"])
    {'image': (0.0, 255.0)}
    """
    ranges = {}
    for text in texts:
        # The name may hold any character; the limits may not.
        name, _, limits = text.rpartition("=")
        lo, _, hi = limits.partition(":")
        try:
            values = float(lo), float(hi)
        except ValueError:
            values = (math.nan, math.nan)
        if not name or not all(map(math.isfinite, values)) or values[0] >= values[1]:
            raise fail(
                "O001",
                "an option has no such value",
                where=f"--input-range {text!r}",
                why="it must be NAME=lo:hi with lo < hi, both finite",
                fix="for instance --input-range image=0:255",
            )
        ranges[name] = values
    return ranges
