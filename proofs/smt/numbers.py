"""Whole numbers for the solver, and the law of docs/numerics.md written with them.

Numbers are bit vectors so wide that nothing that is computed here wraps: 72 bits for products, the largest
of which is 2^62, and 40 for what begins with int32. What C computes in fewer bits is computed exactly as
well, and that it fits is proved beside the result.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from z3 import And, BitVec, BitVecRef, BitVecVal, BoolRef, If

PRODUCT, HALF = 72, 40
INT32 = (-(2**31), 2**31 - 1)
UINT32 = (0, 2**32 - 1)
INT64 = (-(2**63), 2**63 - 1)


@dataclasses.dataclass(frozen=True)
class Case:
    """One statement for the solver.

    Args:
        says: which case it is.
        premises: what is assumed.
        goals: what follows from it.
    """

    says: str
    premises: tuple[BoolRef, ...]
    goals: tuple[BoolRef, ...]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A form of requantization and the law that it keeps.

    Args:
        name: of the form.
        says: what is proved, for which numbers.
        file: where the form stands.
        text: a line of it, by which a test notices that the form has changed.
        cases: that make up the claim.
    """

    name: str
    says: str
    file: str
    text: str
    cases: Callable[[], Iterator[Case]]


def number(name: str, bits: int = PRODUCT) -> BitVecRef:
    """Any number."""
    return BitVec(name, bits)


def within(x: BitVecRef, limits: tuple[int, int]) -> BoolRef:
    """Whether a number lies between two others, both included."""
    return And(x >= limits[0], x <= limits[1])


class Exact:
    """Intermediate values of C, which have to fit their type."""

    def __init__(self) -> None:
        self.goals: list[BoolRef] = []

    def int32(self, x: BitVecRef) -> BitVecRef:
        """A value of int32."""
        self.goals.append(within(x, INT32))
        return x

    def uint32(self, x: BitVecRef) -> BitVecRef:
        """A value of uint32, which does not wrap."""
        self.goals.append(within(x, UINT32))
        return x

    def int64(self, x: BitVecRef) -> BitVecRef:
        """A value of int64."""
        self.goals.append(within(x, INT64))
        return x


def product_of(value: BitVecRef) -> tuple[BitVecRef, tuple[BoolRef, ...]]:
    """Any product of a value with a multiplier of 0 to 2^31 - 1, and what is known of it."""
    product = number("product")
    most = (value << 31) - value
    known = If(value >= 0, And(product >= 0, product <= most), And(product >= most, product <= 0))
    return product, (known,)


def sign(x: BitVecRef) -> BitVecRef:
    """-1 for numbers below 0, else 0: `x >> 31` of an int32."""
    return x >> (x.size() - 1)


def dhm(product: BitVecRef) -> BitVecRef:
    """The law's `dhm` of a product."""
    return (product + 2**30) >> 31


def rdp(x: BitVecRef, e: int) -> BitVecRef:
    """The law's `rdp`, for e up to 31."""
    return x if e == 0 else (x + 2 ** (e - 1) + sign(x)) >> e


def once(product: BitVecRef, e: int) -> BitVecRef:
    """`product / 2^e` to the nearest integer, ties upward, for e of 1 and more."""
    return (product + 2 ** (e - 1)) >> e


def like(x: BitVecRef, value: int) -> BitVecRef:
    """A known number beside another."""
    return BitVecVal(value, x.size())


def clamp(x: BitVecRef, lo: int, hi: int) -> BitVecRef:
    """The number limited to [lo, hi]."""
    above = If(x < lo, like(x, lo), x)
    return If(above > hi, like(x, hi), above)
