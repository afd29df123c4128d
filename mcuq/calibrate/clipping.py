"""What a calibration method cuts off, against the range of least squared error."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from mcuq.calibrate.mse import mse, squared_error
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.ranges import Ranges
from mcuq.calibrate.store import TensorStore

# Measured on four networks: minmax and percentile stay within 3 dB of every tensor's least error, kl within
# 5 where it costs no accuracy; where it does, and with mean everywhere, some tensor loses 13 to 36 dB.
MOST_LOST_DB = 10.0


def clipping_warnings(
    ranges: Ranges,
    stores: Mapping[str, TensorStore],
    scheme: Scheme,
    method: str,
    names: Collection[str],
) -> Iterator[str]:
    """A line where ranges cut off so much that tensors have 10 dB more error than they need have.

    Args:
        ranges: in use.
        stores: what was seen of the same tensors.
        scheme: how the codes lie about zero.
        method: that chose the ranges.
        names: of the tensors whose ranges it chose.
    """
    lost = {name: lost_db(ranges[name], stores[name], scheme) for name in names}
    worst = max(lost, key=lambda name: lost[name], default=None)
    count = sum(value > MOST_LOST_DB for value in lost.values())
    if worst is not None and count:
        yield (
            f"--calibration-method {method} clips {count} of {len(lost)} tensors too hard: {worst!r} has "
            f"{lost[worst]:.0f} dB more error than the range of mse would give it"
        )


def lost_db(chosen: Range, store: TensorStore, scheme: Scheme) -> float:
    """By how much the error of a range exceeds the least one, dB.

    Args:
        chosen: the range.
        store: what was seen.
        scheme: how the codes lie about zero.
    """
    found = squared_error(store, chosen, scheme)
    least = squared_error(store, mse(store, scheme), scheme)
    # A tensor of few values may have no error at all.
    return 10 * math.log10(found / least) if found > 0 and least > 0 else 0.0
