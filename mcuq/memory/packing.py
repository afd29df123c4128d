"""Offsets for blocks of memory with known lifetimes.

Those that live at once lie apart, or as far over each other as the kernel between them allows.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from mcuq.memory.overlap import Overlap, round_up, union_bytes
from mcuq.memory.spans import Spans, do_meet


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A piece of the arena.

    Args:
        size: bytes.
        first: the first position in time at which it is occupied.
        last: the last one.
        alignment: its offset is a multiple of this.
        spans: where it is not occupied all the time between, when it is.
    """

    size: int
    first: int
    last: int
    alignment: int
    spans: Spans = ()

    @property
    def occupied(self) -> Spans:
        """All times at which it is occupied."""
        return self.spans or ((self.first, self.last),)


# What a block that is written may do to one that is read then for the last time: (written, read) as indices.
Overlaps: TypeAlias = Mapping[tuple[int, int], Overlap]
NONE: Overlaps = {}


@dataclasses.dataclass(frozen=True, slots=True)
class _Rival:
    """A block that lives when another does.

    The other one may not begin less than `below` bytes before it or less than `above` behind, and where they
    overlap only a multiple of `multiple` away.
    """

    block: int
    below: int
    above: int
    multiple: int = 1


_Rivals: TypeAlias = Sequence[Sequence[_Rival]]

# Limits of the improvement: placements tried, and looks at a pair of blocks in all of them.
MAX_TRIES = 10_000
MAX_WORK = 400_000
UNLIMITED = 1 << 62

Priority = Callable[[Block], tuple[int, ...]]
# Which blocks to place first: large ones, those that occupy most bytes for longest, or as they come.
PRIORITIES: tuple[Priority, ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size, -b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size, b.first),
    lambda b: (b.first, -b.size),
)


def lower_bound(blocks: Sequence[Block], overlaps: Overlaps = NONE) -> int:
    """The most bytes that are occupied at one time."""
    change = [0] * (max((block.last for block in blocks), default=0) + 2)
    for block in blocks:
        for first, last in block.occupied:
            change[first] += block.size
            change[last + 1] -= block.size
    for written, read in itertools.groupby(sorted(overlaps), key=lambda pair: pair[0]):
        under = [(blocks[i].size, overlaps[pair]) for pair in read for i in pair[1:]]
        saved = blocks[written].size + sum(size for size, _ in under)
        saved -= union_bytes(blocks[written].size, under)
        change[blocks[written].first] -= saved
        change[blocks[written].first + 1] += saved
    return max(itertools.accumulate(change))


def height(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    """Bytes that the placed blocks need."""
    return max((offset + block.size for block, offset in zip(blocks, offsets, strict=True)), default=0)


def pack(blocks: Sequence[Block], overlaps: Overlaps = NONE) -> tuple[int, ...]:
    """One offset per block: the best of several simple placements, improved until it meets the bound.

    Args:
        blocks: in any order; the same blocks get the same offsets.
        overlaps: which pairs may overlap, and how far.

    Returns:
        Offsets whose `height` is nearly always `lower_bound`, though that can be out of reach.
    """
    rivals, bound = _rivals(blocks, overlaps), lower_bound(blocks, overlaps)
    best: tuple[int, ...] = ()
    for key in PRIORITIES:
        order = sorted(range(len(blocks)), key=lambda i: key(blocks[i]))
        for offsets in (_first_fit(blocks, rivals, order), _two_ended(blocks, rivals, order, bound)):
            if not best or height(blocks, offsets) < height(blocks, best):
                best = offsets
            if height(blocks, best) == bound:
                return best
    return _climb(blocks, rivals, bound, best)


def _climb(blocks: Sequence[Block], rivals: _Rivals, bound: int, best: tuple[int, ...]) -> tuple[int, ...]:
    """Swap a block at the top, or a rival of it, with any other in the order of placement.

    A swap that does no harm stays: walking along equal heights is what leads out of most dead ends.
    """
    # Only `random()` is the same in every version of Python.
    rng = random.Random(0)

    def pick(values: Sequence[int]) -> int:
        return values[int(rng.random() * len(values))]

    order, offsets = sorted(range(len(blocks)), key=lambda i: best[i]), best
    for _ in range(min(MAX_TRIES, MAX_WORK // sum(1 + len(r) for r in rivals))):
        top = height(blocks, offsets)
        if top == bound:
            break
        summit = pick([i for i in order if offsets[i] + blocks[i].size == top])
        mover = pick([summit, *(rival.block for rival in rivals[summit])])
        a, b = order.index(mover), pick(range(len(order)))
        swapped = list(order)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        tried = _first_fit(blocks, rivals, swapped, top)
        if tried:
            order, offsets = swapped, tried
    return offsets


def _rivals(blocks: Sequence[Block], overlaps: Overlaps = NONE) -> list[list[_Rival]]:
    """For each block the others that live at some time when it does."""
    rivals: list[list[_Rival]] = [[] for _ in blocks]
    alive: list[int] = []
    for i in sorted(range(len(blocks)), key=lambda i: blocks[i].first):
        alive = [j for j in alive if blocks[j].last >= blocks[i].first]
        for j in alive:
            if do_meet(blocks[i].occupied, blocks[j].occupied):
                rivals[i].append(_rival(blocks, overlaps, i, j))
                rivals[j].append(_rival(blocks, overlaps, j, i))
        alive.append(i)
    return rivals


def _rival(blocks: Sequence[Block], overlaps: Overlaps, one: int, other: int) -> _Rival:
    """What the place of a block says about where another one may begin."""
    below, above = blocks[one].size, blocks[other].size
    if allowed := overlaps.get((one, other)):
        return _Rival(other, min(allowed.least, below), above, allowed.multiple)
    if allowed := overlaps.get((other, one)):
        return _Rival(other, below, min(allowed.least, above), allowed.multiple)
    return _Rival(other, below, above)


def _lowest(
    blocks: Sequence[Block], placed: Sequence[tuple[int, _Rival]], block: int, offset: int = 0
) -> int:
    """The lowest offset of a block from one on that its placed rivals allow.

    Args:
        blocks: all.
        placed: its rivals and their offsets, by offset.
        block: which.
        offset: where to begin.
    """
    size, alignment = blocks[block].size, blocks[block].alignment
    is_moved = True
    while is_moved:
        is_moved = False
        for start, rival in placed:
            if offset <= start - max(rival.below, size):
                break
            after = _after(blocks, start, rival, size, offset)
            if after > offset:
                offset, is_moved = round_up(after, alignment), True
    return offset


def _after(blocks: Sequence[Block], start: int, rival: _Rival, size: int, offset: int) -> int:
    """The first place from an offset on that one rival allows."""
    if start - rival.below < offset < start + rival.above:
        offset = start + rival.above
    is_over = start - size < offset < start + blocks[rival.block].size
    return offset + (start - offset) % rival.multiple if is_over else offset


def _first_fit(
    blocks: Sequence[Block], rivals: _Rivals, order: Iterable[int], limit: int = UNLIMITED
) -> tuple[int, ...]:
    """Place blocks in an order, each as low as its rivals allow; () if one ends above the limit."""
    offsets = [-1] * len(blocks)
    for i in order:
        offset = _lowest(blocks, _placed(rivals[i], offsets), i)
        if offset + blocks[i].size > limit:
            return ()
        offsets[i] = offset
    return tuple(offsets)


def _placed(rivals: Sequence[_Rival], offsets: Sequence[int]) -> list[tuple[int, _Rival]]:
    """Those of a block's rivals that have an offset, by offset."""
    found = [(offsets[rival.block], rival) for rival in rivals if offsets[rival.block] >= 0]
    return sorted(found, key=lambda pair: pair[0])


def _two_ended(
    blocks: Sequence[Block], rivals: _Rivals, order: Iterable[int], ceiling: int
) -> tuple[int, ...]:
    """Place blocks in an order, each as close to the floor or to the ceiling as its rivals allow.

    A chain, where each block meets only the one before and the one after it, needs no more than its bound.
    """
    offsets = [-1] * len(blocks)
    for i in order:
        size, alignment = blocks[i].size, blocks[i].alignment
        placed = _placed(rivals[i], offsets)
        tops = {min(start - rival.below, ceiling - size) for start, rival in placed} | {ceiling - size}
        wanted = {0} | {top // alignment * alignment for top in tops if top > 0}
        choices = {_lowest(blocks, placed, i, offset) for offset in wanted}
        offsets[i] = min(choices, key=lambda o: (o + size > ceiling, min(o, abs(ceiling - size - o)), o))
    return tuple(offsets)
