"""TensorRT's calibration cache, and the ranges that PPQ writes for set_dynamic_range. Both are symmetric."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import numpy as np

from mcuq.ir.types import QuantParams

# The version is that of the last release but one that reads caches; readers compare the algorithm only.
_HEADER = "TRT-8603-EntropyCalibration2"


@dataclasses.dataclass(frozen=True, slots=True)
class SymmetricRange:
    """The symmetric range that a tensor's parameters become.

    Args:
        scale: `amax / 127`, float32-exact.
        widened: the real limits of the codes where they are not symmetric, None where nothing changed.
    """

    scale: float
    widened: tuple[float, float] | None

    @property
    def amax(self) -> float:
        """The largest magnitude."""
        return self.scale * 127.0


def symmetric_ranges(activations: Mapping[str, QuantParams]) -> dict[str, SymmetricRange]:
    """The `symmetric_range` of every activation; one that is not symmetric is widened, never narrowed."""
    return {name: symmetric_range(quant) for name, quant in activations.items()}


def symmetric_range(quant: QuantParams) -> SymmetricRange:
    """The symmetric range that holds all values of the codes."""
    if quant.zero_point == 0:
        return SymmetricRange(quant.step, None)
    low, high = (quant.step * (code - quant.zero_point) for code in (-128, 127))
    amax = max(abs(low), abs(high))
    scale = np.float32(amax / 127.0)
    if float(scale) * 127.0 < amax:
        scale = np.nextafter(scale, np.float32(np.inf))
    return SymmetricRange(float(scale), (low, high))


def cache_text(ranges: Mapping[str, SymmetricRange]) -> str:
    """A calibration cache: a header, then `name: scale` with the scale as big-endian float32 in hexadecimal.

    Names with line breaks cannot be written and are left out.

    >>> print(cache_text({"x": SymmetricRange(0.5, None)}), end="")
    TRT-8603-EntropyCalibration2
    x: 3f000000
    """
    rows = [
        f"{name}: {np.array(each.scale, '>f4').tobytes().hex()}"
        for name, each in ranges.items()
        if is_writable(name)
    ]
    return "\n".join([_HEADER, *rows]) + "\n"


def is_writable(name: str) -> bool:
    """Whether a cache can hold a name: it has one line per tensor."""
    return len(name.splitlines()) == 1


def ranges_text(ranges: Mapping[str, SymmetricRange]) -> str:
    """PPQ's `{"act_quant_info": {name: amax}}`."""
    return json.dumps({"act_quant_info": {name: each.amax for name, each in ranges.items()}}, indent=1) + "\n"
