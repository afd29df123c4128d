"""Offsets for blocks of memory with known lifetimes: no two that live at once may overlap."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A piece of the arena.

    Args:
        size: bytes.
        first: the first position in time at which it is occupied.
        last: the last one.
        alignment: its offset is a multiple of this.
    """

    size: int
    first: int
    last: int
    alignment: int


Key = Callable[[Block], tuple[int, ...]]
# Which blocks to place first: large ones, those that occupy most bytes for longest, or as they come.
PRIORITIES: tuple[Key, ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size, b.first),
    lambda b: (b.first, -b.size),
)


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes that are occupied at one time."""
    return max(
        (sum(b.size for b in blocks if b.first <= t <= b.last) for t in {b.first for b in blocks}), default=0
    )


def height(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    """Bytes that the placed blocks need."""
    return max((offset + block.size for block, offset in zip(blocks, offsets, strict=True)), default=0)


def pack(blocks: Sequence[Block]) -> tuple[int, ...]:
    """One offset per block; as low a height as the heuristics find."""
    rivals = _rivals(blocks)
    bound = lower_bound(blocks)
    best: tuple[int, ...] = ()
    for key in PRIORITIES:
        offsets = _first_fit(blocks, rivals, sorted(range(len(blocks)), key=lambda i: (key(blocks[i]), i)))
        if not best or height(blocks, offsets) < height(blocks, best):
            best = offsets
        if height(blocks, best) == bound:
            break
    return best


def _rivals(blocks: Sequence[Block]) -> list[list[int]]:
    """For each block the others that live at some time when it does."""
    rivals: list[list[int]] = [[] for _ in blocks]
    alive: list[int] = []
    for i in sorted(range(len(blocks)), key=lambda i: blocks[i].first):
        alive = [j for j in alive if blocks[j].last >= blocks[i].first]
        for j in alive:
            rivals[i].append(j)
            rivals[j].append(i)
        alive.append(i)
    return rivals


def _first_fit(
    blocks: Sequence[Block], rivals: Sequence[Sequence[int]], order: Iterable[int]
) -> tuple[int, ...]:
    """Place blocks in an order, each into the lowest gap that its rivals leave."""
    offsets: dict[int, int] = {}
    for i in order:
        block, offset = blocks[i], 0
        for start, j in sorted((offsets[j], j) for j in rivals[i] if j in offsets):
            if offset + block.size <= start:
                break
            offset = max(offset, round_up(start + blocks[j].size, block.alignment))
        offsets[i] = offset
    return tuple(offsets[i] for i in range(len(blocks)))


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple that is not less than a value.

    >>> round_up(5, 4)
    8
    """
    return -(-value // multiple) * multiple
