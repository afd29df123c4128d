"""How far an output may lie over an input of its step: what follows from the order of reads and writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from mcuq.ir.plan import KernelWalk


@dataclasses.dataclass(frozen=True, slots=True)
class Overlap:
    """A block may lie over an older one if it begins some bytes before it.

    Args:
        least: at least so many; a negative number lets it begin behind.
        multiple: and a multiple of this.
    """

    least: int
    multiple: int = 1


def overlap(walk: KernelWalk, input_bytes: int) -> Overlap:
    """Where an output may begin before an input.

    When a unit ends, bytes below `written` are overwritten; the next one still reads from `needed` on. Where
    the output begins d bytes before the input, its byte o is byte o - d of the input: d >= written - needed
    keeps what is written off what is needed.

    Args:
        walk: of the kernel over this input.
        input_bytes: its size.
    """
    needed, written = walk.needed[1:], walk.written[:-1]
    is_read = needed < input_bytes
    return Overlap(int((written - needed)[is_read].max(initial=-input_bytes)), walk.lane)


def union_bytes(written: int, read: Iterable[tuple[int, Overlap]]) -> int:
    """The fewest bytes that an output and the inputs under it can take together.

    Args:
        written: bytes of the output.
        read: bytes of each input, which do not overlap each other, and what is allowed over it.
    """
    sizes, least = 0, written
    for size, allowed in read:
        sizes += size
        least = max(least, min(size + max(allowed.least, 0), size + written))
    return max(sizes, least)


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple that is not less than a value.

    >>> round_up(5, 4)
    8
    """
    return -(-value // multiple) * multiple
