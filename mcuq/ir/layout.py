"""Permutations of axes and what reshapes do to them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mcuq.ir.types import Shape

Perm = tuple[int, ...]


def identity(rank: int) -> Perm:
    """The permutation that moves nothing."""
    return tuple(range(rank))


def compose(first: Perm, second: Perm) -> Perm:
    """The permutation that does `first` and then `second`.

    >>> compose((0, 2, 3, 1), (0, 3, 1, 2))
    (0, 1, 2, 3)
    """
    return tuple(first[axis] for axis in second)


def invert(perm: Perm) -> Perm:
    """The permutation that undoes `perm`.

    >>> invert((0, 2, 3, 1))
    (0, 3, 1, 2)
    """
    out = [0] * len(perm)
    for position, axis in enumerate(perm):
        out[axis] = position
    return tuple(out)


def permute(shape: Shape, perm: Perm) -> Shape:
    """A shape after a transpose."""
    return tuple(shape[axis] for axis in perm)


def is_reshape(shape: Shape, perm: Perm) -> bool:
    """Whether a transpose of this shape only moves axes of size 1, so that the values keep their order.

    >>> is_reshape((1, 49, 10, 1), (0, 3, 1, 2)), is_reshape((1, 4, 4, 3), (0, 3, 1, 2))
    (True, False)
    """
    moved = [axis for axis in perm if shape[axis] != 1]
    return moved == sorted(moved)


def without_ones(shape: Shape) -> Shape:
    """The axes that are not of size 1."""
    return tuple(size for size in shape if size != 1)


def axis_before_reshape(old: Shape, new: Shape, axis: int) -> int | None:
    """The axis of `old` that `axis` of `new` is, None where a reshape splits or merges it.

    >>> axis_before_reshape((2, 1, 5, 8), (2, 5, 8), 2), axis_before_reshape((2, 4), (8,), 0)
    (3, None)
    """
    before = math.prod(new[:axis])
    for candidate, size in enumerate(old):
        if size == new[axis] and math.prod(old[:candidate]) == before:
            return candidate
    return None


def reshape_under(shape: Shape, perm: Perm, new: Shape) -> tuple[Shape, Perm] | None:
    """Exchange a transpose and a reshape behind it.

    Args:
        shape: of the tensor before the transpose.
        perm: the transpose.
        new: the shape after the reshape.

    Returns:
        The shape to reshape to first and the transpose to do after it; None where the reshape merges axes
        that are no neighbours before the transpose.

    >>> reshape_under((1, 4, 5, 8), (0, 3, 1, 2), (8, 4, 5))
    ((4, 5, 8), (2, 0, 1))
    >>> reshape_under((1, 4, 5, 8), (0, 3, 1, 2), (1, 8, 20))
    ((1, 20, 8), (0, 2, 1))
    >>> reshape_under((1, 4, 5, 8), (0, 3, 1, 2), (1, 160)) is None
    True
    """
    sources = [axis for axis in perm if shape[axis] != 1]
    ranks = {axis: rank for rank, axis in enumerate(sorted(sources))}
    places: dict[int, int] = {}
    for before, after in _segments([shape[axis] for axis in sources], new):
        moved = [ranks[sources[position]] for position in before]
        if moved != list(range(moved[0], moved[0] + len(moved))):
            return None
        places.update(dict.fromkeys(after, moved[0]))
    keys: list[tuple[int, int]] = []
    last = -1  # an axis of size 1 goes with the one before it
    for position in range(len(new)):
        last = places.get(position, last)
        keys.append((last, position))
    order = tuple(sorted(range(len(new)), key=keys.__getitem__))
    return permute(new, order), invert(order)


def gather_axes(shape: Shape, perm: Perm, new: Shape) -> Perm:
    """The transpose that brings axes together which a reshape merges, and leaves the last axes last.

    Args:
        shape: of the tensor before the transpose.
        perm: the transpose in front of the reshape.
        new: the shape after the reshape.

    >>> gather_axes((1, 4, 5, 2, 8), (0, 4, 3, 1, 2), (1, 16, 4, 5))
    (0, 1, 2, 4, 3)
    """
    sources = [axis for axis in perm if shape[axis] != 1]
    groups = [
        [sources[position] for position in before]
        for before, _ in _segments([shape[a] for a in sources], new)
    ]
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    return (*ones, *(axis for group in sorted(groups, key=max) for axis in group))


def is_channels_first(perm: Perm) -> bool:
    """Whether a transpose brings the last axis behind the first and leaves the others in order.

    >>> is_channels_first((0, 3, 1, 2)), is_channels_first((0, 1, 3, 2))
    (True, False)
    """
    return len(perm) > 2 and perm == (0, len(perm) - 1, *range(1, len(perm) - 1))


def _segments(old: list[int], new: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """The smallest groups of axes that a reshape maps onto each other, axes of size 1 left out."""
    rest = iter([position for position, size in enumerate(new) if size != 1])
    position = 0
    while position < len(old):
        before, after = [position], [next(rest)]
        a, b = old[position], new[after[0]]
        while a != b:
            if a < b:
                before.append(before[-1] + 1)
                a *= old[before[-1]]
            else:
                after.append(next(rest))
                b *= new[after[-1]]
        position = before[-1] + 1
        yield before, after


def turn_like(shape: Shape, turned: Shape, perm: Perm) -> Perm:
    """The permutation of `shape` that brings its axes into the order `perm` brings those of `turned` into.

    Args:
        shape: any shape.
        turned: `shape` with axes of size 1 added or removed.
        perm: of `turned`.

    >>> turn_like((1, 3, 11), (1, 3, 1, 11), (0, 2, 3, 1))
    (0, 2, 1)
    """
    if shape == turned:
        return perm
    real = [axis for axis, size in enumerate(shape) if size != 1]
    ranks = [axis for axis, size in enumerate(turned) if size != 1]
    order = [real[ranks.index(axis)] for axis in perm if turned[axis] != 1]
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    lead = [axis for axis in ones if not real or axis < real[0]]
    return (*lead, *order, *(axis for axis in ones if axis not in lead))
