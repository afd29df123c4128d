"""Sums of two codes as one plane of integers: which give the code of every pair, or that there are none."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator

import numpy as np

from mcuq.ir.integer import INT32_MAX, Requant
from mcuq.ir.types import Array, Int64
from mcuq.ops.arithmetic import LEFT_SHIFT, AddStep

_CODES = np.arange(-128, 128, dtype=np.int64)
# Pairs that a plane may get wrong lie so near a tie, in steps of the output.
_NEAR = 2.0**-10
_MOST_NEAR = 256  # of more, every so many are looked at before all pairs are
_AROUND = 12  # so far from the nearest factors others are tried
_NUDGES = (0, 1, -1, 4, -4, 16, -16, 64, -64, 256, -256)  # of the addend
_ROOM = 256  # steps of the output for its zero point and what is added to round


@dataclasses.dataclass(frozen=True, slots=True)
class Plane:
    """`clamp((t + (t >> 31) + more) >> right)` with `t = a * a_factor + b * b_factor + addend`.

    Args:
        a_factor: of the first code.
        b_factor: of the second.
        addend: what zero points add.
        more: half of 2^right, the output's zero point, and a nudge.
        right: the shift, 1 to 30.
    """

    a_factor: int
    b_factor: int
    addend: int
    more: int
    right: int

    @property
    def is_within_int32(self) -> bool:
        """Whether no sum leaves int32 on the way: |q - z| <= 255."""
        return 255 * (abs(self.a_factor) + abs(self.b_factor)) + abs(self.more) < INT32_MAX

    def codes(self, a: Int64, b: Int64, lo: int, hi: int) -> Int64:
        """What it gives for codes of shapes that broadcast."""
        t = a * self.a_factor + b * self.b_factor + self.addend
        found: Int64 = np.clip((t + (t >> 31) + self.more) >> self.right, lo, hi)
        return found


@functools.lru_cache(maxsize=256)
def find_plane(op: AddStep) -> Plane | None:
    """A plane that gives the step's code for each of the 65,536 pairs, all of whose sums stay in int32.

    Few pairs lie near a tie, where the contract's roundings may part from those of a plane; integers near
    the real factors are tried on these, and what agrees is compared on all pairs.
    """
    codes = _all_codes(op)
    a, b = _CODES[:, None], _CODES[None]
    near = _near_ties(op)
    for plane in _candidates(op, a[near[0], 0], b[0, near[1]], codes[near]):
        if plane.is_within_int32 and (plane.codes(a, b, op.lo, op.hi) == codes).all():
            return plane
    return None


def _all_codes(op: AddStep) -> Array:
    """`[256, 256]`: the result for every pair."""
    pairs = np.broadcast_arrays(_CODES.astype(np.int8)[:, None], _CODES.astype(np.int8)[None])
    return op.run(*(np.ascontiguousarray(each).reshape(-1) for each in pairs)).reshape(256, 256)


def _slopes(op: AddStep) -> tuple[float, float]:
    """What a step of each operand adds, in steps of the output."""
    more = 2.0 ** LEFT_SHIFT[op.dtype] * _real(op.y_requant)
    return _real(op.a_requant) * more, _real(op.b_requant) * more * (-1 if op.is_subtraction else 1)


def _real(scale: Requant) -> float:
    return math.ldexp(scale.multiplier[0], scale.shift[0] - 31)


def _near_ties(op: AddStep) -> tuple[Int64, Int64]:
    """Places of pairs whose sums lie near a tie, none of which is limited; not too many."""
    first, second = _slopes(op)
    sums = (_CODES - op.a_zero_point)[:, None] * first + (_CODES - op.b_zero_point)[None] * second
    from_tie = np.abs(sums - np.floor(sums) - 0.5)
    at = sums + op.y_zero_point
    found = np.nonzero((from_tie < _NEAR) & (at > op.lo - 1) & (at < op.hi + 1))
    every = 1 + len(found[0]) // _MOST_NEAR
    return found[0][::every], found[1][::every]


def _candidates(op: AddStep, a: Int64, b: Int64, codes: Array) -> Iterator[Plane]:
    """Planes without overflow that give the codes of some pairs, those of nearest factors first."""
    slopes = _slopes(op)
    reach = 255 * sum(map(abs, slopes)) + _ROOM
    most = min(30, math.floor(math.log2(INT32_MAX / reach)))
    for right in range(most, max(most - 2, 0), -1):
        nearest = [round(math.ldexp(slope, right)) for slope in slopes]
        firsts, seconds = (
            np.arange(factor - _AROUND, factor + _AROUND + 1, dtype=np.int64) for factor in nearest
        )
        t = (a - op.a_zero_point)[:, None, None] * firsts[:, None]
        t = t + (b - op.b_zero_point)[:, None, None] * seconds
        t = t + (t >> 31)
        for nudge in _NUDGES:
            more = (1 << (right - 1)) + (op.y_zero_point << right) + nudge
            found = np.clip((t + more) >> right, op.lo, op.hi)
            agree = np.argwhere((found == codes[:, None, None]).all(axis=0))
            for i, j in sorted(agree.tolist(), key=lambda at: abs(at[0] - _AROUND) + abs(at[1] - _AROUND))[
                :2
            ]:
                yield _plane(op, int(firsts[i]), int(seconds[j]), more, right)


def _plane(op: AddStep, first: int, second: int, more: int, right: int) -> Plane:
    return Plane(first, second, -op.a_zero_point * first - op.b_zero_point * second, more, right)
