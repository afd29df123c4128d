"""Offsets for blocks of memory with known lifetimes: no two that live at once may overlap."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable, Iterable, Sequence

from mcuq.memory.lifetimes import round_up
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


# Limits of the improvement: placements tried, and looks at a pair of blocks in all of them.
MAX_TRIES = 10_000
MAX_WORK = 5_000_000
UNLIMITED = 1 << 62

Priority = Callable[[Block], tuple[int, ...]]
# Which blocks to place first: large ones, those that occupy most bytes for longest, or as they come.
PRIORITIES: tuple[Priority, ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first - b.last, -b.size, b.first),
    lambda b: (b.first, -b.size),
)


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes that are occupied at one time."""
    change = [0] * (max((block.last for block in blocks), default=0) + 2)
    for block in blocks:
        for first, last in block.occupied:
            change[first] += block.size
            change[last + 1] -= block.size
    return max(itertools.accumulate(change))


def height(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    """Bytes that the placed blocks need."""
    return max((offset + block.size for block, offset in zip(blocks, offsets, strict=True)), default=0)


def pack(blocks: Sequence[Block]) -> tuple[int, ...]:
    """One offset per block: the best of several simple placements, improved until it meets the bound.

    Args:
        blocks: in any order; the same blocks get the same offsets.

    Returns:
        Offsets whose `height` is nearly always `lower_bound`, though that can be out of reach.
    """
    rivals, bound = _rivals(blocks), lower_bound(blocks)
    best: tuple[int, ...] = ()
    for key in PRIORITIES:
        order = sorted(range(len(blocks)), key=lambda i: key(blocks[i]))
        for offsets in (_first_fit(blocks, rivals, order), _two_ended(blocks, rivals, order, bound)):
            if not best or height(blocks, offsets) < height(blocks, best):
                best = offsets
            if height(blocks, best) == bound:
                return best
    return _climb(blocks, rivals, bound, best)


def _climb(
    blocks: Sequence[Block], rivals: Sequence[Sequence[int]], bound: int, best: tuple[int, ...]
) -> tuple[int, ...]:
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
        mover = pick([summit, *rivals[summit]])
        a, b = order.index(mover), pick(range(len(order)))
        swapped = list(order)
        swapped[a], swapped[b] = swapped[b], swapped[a]
        tried = _first_fit(blocks, rivals, swapped, top)
        if tried:
            order, offsets = swapped, tried
    return offsets


def _rivals(blocks: Sequence[Block]) -> list[list[int]]:
    """For each block the others that live at some time when it does."""
    rivals: list[list[int]] = [[] for _ in blocks]
    alive: list[int] = []
    for i in sorted(range(len(blocks)), key=lambda i: blocks[i].first):
        alive = [j for j in alive if blocks[j].last >= blocks[i].first]
        for j in alive:
            if do_meet(blocks[i].occupied, blocks[j].occupied):
                rivals[i].append(j)
                rivals[j].append(i)
        alive.append(i)
    return rivals


def _first_fit(
    blocks: Sequence[Block], rivals: Sequence[Sequence[int]], order: Iterable[int], limit: int = UNLIMITED
) -> tuple[int, ...]:
    """Place blocks in an order, each as low as its rivals allow; () if one ends above the limit."""
    offsets = [-1] * len(blocks)
    for i in order:
        size, alignment, offset = blocks[i].size, blocks[i].alignment, 0
        for start, j in sorted([(offsets[j], j) for j in rivals[i] if offsets[j] >= 0]):
            if offset + size <= start:
                break
            offset = max(offset, round_up(start + blocks[j].size, alignment))
        if offset + size > limit:
            return ()
        offsets[i] = offset
    return tuple(offsets)


def _two_ended(
    blocks: Sequence[Block], rivals: Sequence[Sequence[int]], order: Iterable[int], ceiling: int
) -> tuple[int, ...]:
    """Place blocks in an order, each as close to the floor or to the ceiling as its rivals allow.

    A chain, where each block meets only the one before and the one after it, needs no more than its bound.
    """
    offsets = [-1] * len(blocks)
    for i in order:
        size, alignment, floor = blocks[i].size, blocks[i].alignment, 0
        choices = []
        taken = sorted([(offsets[j], offsets[j] + blocks[j].size) for j in rivals[i] if offsets[j] >= 0])
        for start, end in [*taken, (UNLIMITED, UNLIMITED)]:
            highest = (min(start, ceiling) - size) // alignment * alignment
            choices += [o for o in (floor, highest) if floor <= o and o + size <= start]
            floor = max(floor, round_up(end, alignment))
        offsets[i] = min(choices, key=lambda o: (o + size > ceiling, min(o, abs(ceiling - size - o))))
    return tuple(offsets)
