"""Layers of real models that cost more with their special kernel than with the portable one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from mcu.networks import Measured


@dataclasses.dataclass(frozen=True)
class Offender:
    """A layer whose special kernel is the slower one.

    Args:
        model: its C name.
        layer: its name.
        kernel: the special one.
        cycles: with it.
        portable: with the portable one.
    """

    model: str
    layer: str
    kernel: str
    cycles: int
    portable: int


def find_offenders(model: str, special: Measured, portable: Measured) -> Iterator[Offender]:
    """The layers that cost more; where both take the same kernel, there is nothing to compare."""
    other = portable.by_step()
    for index, layer in special.by_step().items():
        plain = other[index]
        assert layer.cycles is not None and plain.cycles is not None
        if layer.kernel != plain.kernel and layer.cycles > plain.cycles:
            yield Offender(model, layer.name, layer.kernel, layer.cycles, plain.cycles)
