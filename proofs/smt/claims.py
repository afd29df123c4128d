"""The forms of requantization that kernels compute, and the law that each of them keeps."""

from __future__ import annotations

from collections.abc import Iterator

from z3 import And, BitVecRef, BoolRef, If, LShR

from proofs.smt.numbers import (
    HALF,
    INT32,
    Case,
    Claim,
    Exact,
    clamp,
    dhm,
    like,
    number,
    once,
    product_of,
    rdp,
    sign,
    within,
)

CODES = (-128, 127)
HALF_CODES = (-(2**15), 2**15 - 1)
PORTABLE = "targets/portable/kernels"
DSP = "targets/armv7em/kernels"


def high_of(limit: int) -> tuple[BitVecRef, tuple[BoolRef, ...]]:
    """Any `dhm` of a value of up to `limit` in magnitude; `high_limits` proves that it has this limit."""
    high = number("high", HALF)
    return high, (within(high, (-limit, min(limit, 2**31 - 2))),)


def high_limits() -> Iterator[Case]:
    """`dhm` of a value of int32 lies within [-2^31 + 1, 2^31 - 2]; it is no larger than the value."""
    value = number("value")
    product, known = product_of(value)
    c = Exact()
    high = c.int32(c.int64(c.int64(product) + 2**30) >> 31)
    goals = (within(high, (-(2**31) + 1, 2**31 - 2)), If(value >= 0, high <= value, high >= value), *c.goals)
    yield Case("every product", (within(value, INT32), *known), goals)


def double_twice() -> Iterator[Case]:
    """The two shifts of the portable form against `rdp(dhm(...))`; without a right shift it is `dhm`."""
    high, premises = high_of(2**31 - 1)
    for right in range(32):
        c = Exact()
        form = c.int32(high)
        if right > 0:
            form = c.int32((c.int32(high + sign(high)) >> (right - 1)) + 1) >> 1
        yield Case(f"right shift {right}", premises, (form == rdp(high, right), *c.goals))


def double_nudged() -> Iterator[Case]:
    """The simulator's form: a nudge of half a step, less one below zero."""
    high, premises = high_of(2**31 - 1)
    for right in range(32):
        nudge = (sign(high) if right > 0 else like(high, 0)) + ((1 << right) >> 1)
        yield Case(f"right shift {right}", premises, ((high + nudge) >> right == rdp(high, right),))


def double_halves() -> Iterator[Case]:
    """`dhm` from four products of halves, on cores without a long multiplication."""
    names = ("hh", "hl", "lh", "ll")
    limits = (-(2**15), 2**15 - 1), (0, 2**16 - 1), (0, 2**15 - 1), (0, 2**16 - 1)
    (vh, vl, mh, ml) = limits
    hh, hl, lh, ll = map(number, names)
    premises = [
        within(hh, (vh[0] * mh[1], vh[1] * mh[1])),
        within(hl, (vh[0] * ml[1], vh[1] * ml[1])),
        within(lh, (0, vl[1] * mh[1])),
        within(ll, (0, vl[1] * ml[1])),
    ]
    product = (hh << 32) + ((hl + lh) << 16) + ll
    premises.append(within(product, (-(2**31) * (2**31 - 1), 2**31 * (2**31 - 1))))
    c = Exact()
    lower = c.uint32(lh + (ll >> 16))
    middle = c.int32(hl + c.int32(lower & 0xFFFF))
    upper = c.int32(hh + (lower >> 16))
    form = c.int32(c.int32(upper * 2) + (((middle >> 14) + 1) >> 1))
    yield Case("all halves", tuple(premises), (form == dhm(product), *c.goals))


def single_twice() -> Iterator[Case]:
    """Two shifts against one rounding, ties upward."""
    value = number("value")
    product, known = product_of(value)
    for shift in range(-31, 31):
        room = (2**31 - 1) >> max(shift, 0)
        premises = (within(value, (-room, room)), *known)
        c = Exact()
        form = c.int32(c.int64((c.int64(product) >> (30 - shift)) + 1) >> 1)
        yield Case(f"shift {shift}", premises, (form == once(product, 31 - shift), *c.goals))


def long_sums() -> Iterator[Case]:
    """Sums of int64 with multipliers of 15 bits, up to the zero point."""
    product, zero_point = number("product"), number("zero_point")
    premises = (within(product, (-(2**62), 2**62)), within(zero_point, CODES))
    for shift in range(-31, 15):
        c = Exact()
        form = c.int64(c.int64((product >> (14 - shift)) + 1) >> 1)
        c.int64(form + zero_point)
        yield Case(f"shift {shift}", premises, (form == once(product, 15 - shift), *c.goals))


def kernels_limits() -> Iterator[Case]:
    """What the harnesses for CBMC assume of a requantized value: its sign, and the shifted value's size."""
    shifted, high = number("shifted", HALF), number("high", HALF)
    premises = (
        within(shifted, INT32),
        within(high, (-(2**31) + 1, 2**31 - 2)),
        If(shifted >= 0, And(high >= 0, high <= shifted), And(high <= 0, high >= shifted)),
    )
    for right in range(32):
        yield Case(f"double, right shift {right}", premises, _limits(rdp(high, right), shifted, right))
    shifted = number("shifted")
    product, known = product_of(shifted)
    for right in range(32):
        goals = _limits(once(product, 31 + right), shifted, right)
        yield Case(f"single, right shift {right}", (within(shifted, INT32), *known), goals)


def _limits(result: BitVecRef, shifted: BitVecRef, right: int) -> tuple[BoolRef, ...]:
    bound = If(shifted >= 0, And(result >= 0, result <= shifted), And(result <= 0, result >= shifted))
    return (bound, within(result, (-(2**30), 2**30))) if right > 0 else (bound,)


def dsp_shortcut() -> Iterator[Case]:
    """Six instructions with the zero point in the offset, against the contract, zero point and limits."""
    high, premises = high_of(2**30 - 1)
    zero_point = number("zero_point", HALF)
    premises = (*premises, within(zero_point, CODES))
    for right in range(1, 24):
        c = Exact()
        offset = c.int32(2 ** (right - 1) + c.int32(zero_point << right))
        form = clamp(c.int32(c.int32(high + sign(high)) + offset) >> right, *CODES)
        law = clamp(rdp(high, right) + zero_point, *CODES)
        yield Case(f"right shift {right}", premises, (form == law, *c.goals))


def dsp_sign_of_value() -> Iterator[Case]:
    """The sign of the value in place of that of the high half of its product."""
    value, high = number("value", HALF), number("high", HALF)
    premises = (
        within(value, (-(2**30) + 1, 2**30 - 1)),
        If(value >= 0, And(high >= 0, high <= value), And(high <= 0, high >= value)),
    )
    for right in range(1, 31):
        c = Exact()
        form = c.int32(high + c.int32(2 ** (right - 1) + sign(value))) >> right
        yield Case(f"right shift {right}", premises, (form == rdp(high, right), *c.goals))


def vector_rounding() -> Iterator[Case]:
    """VQRDMULH, one less below zero where something is shifted, VRSHL."""
    high, premises = high_of(2**31 - 1)
    for right in range(32):
        doubled = clamp(high, *INT32)
        c = Exact()
        lowered = c.int32(doubled + (sign(doubled) if right > 0 else like(high, 0)))
        form = (lowered + ((1 << right) >> 1)) >> right
        yield Case(f"right shift {right}", premises, (form == rdp(high, right), *c.goals))


def softmax_shares() -> Iterator[Case]:
    """A share of softmax with one shift for two, against `clamp(rdp(dhm(r, E), 35 - h) - 128)`."""
    product = number("product")
    premises = (within(product, (0, (2**31 - 1) ** 2)),)
    for exponent in range(23, 32):
        c = Exact()
        share = LShR(c.uint32(((product + 2**30) >> 32) + 2 ** (exponent - 2)), exponent - 1)
        form = If(share > 255, like(share, 255), share) - 128
        law = clamp(rdp(dhm(product), exponent) - 128, *CODES)
        yield Case(f"exponent {exponent}", premises, (form == law, *c.goals))


def resize_rounding() -> Iterator[Case]:
    """Sums of linear resizing, to nearest, ties away from zero, against C's integer division."""
    total = number("total")
    for bits in (10, 20):
        most = 128 << bits
        c = Exact()
        form = c.int32(c.int32(total + 2 ** (bits - 1)) + sign(total)) >> bits
        half = 2 ** (bits - 1)
        law = If(total > 0, (total + half) / like(total, 2**bits), (total - half) / like(total, 2**bits))
        goals = (form == law, within(form, CODES), *c.goals)
        yield Case(f"{bits} bits", (within(total, (-most, most - 2**bits)),), goals)


def order() -> Iterator[Case]:
    """Both contracts and the short form grow with the product, so that agreement at thresholds is enough."""
    small, large = number("small"), number("large")
    limits = (-(2**31) * (2**31 - 1), 2**31 * (2**31 - 1))
    products = (within(small, limits), within(large, limits), small <= large)
    yield Case("the high half", products, (dhm(small) <= dhm(large),))
    yield Case("the high half of the short form", products, ((small + 2**31) >> 32 <= (large + 2**31) >> 32,))
    for bits in range(1, 63):
        yield Case(f"single, {bits} bits", products, (once(small, bits) <= once(large, bits),))
    small, large = number("small_half", HALF), number("large_half", HALF)
    halves = (within(small, INT32), within(large, INT32), small <= large)
    for right in range(32):
        yield Case(f"double, right shift {right}", halves, (rdp(small, right) <= rdp(large, right),))


CLAIMS = (
    Claim(
        "high half",
        "`dhm(v, m)` of every int32 and multiplier lies in [-2^31 + 1, 2^31 - 2] and is no larger than v;"
        " nothing leaves int64",
        f"{PORTABLE}/mcuq_requantize_double.h",
        "return (int32_t)((((int64_t)value * multiplier) + ((int64_t)1 << 30)) >> 31);",
        high_limits,
    ),
    Claim(
        "double",
        "`rdp(dhm(v, m), r)` for every product of an int32 and a multiplier, r of 0 to 31; nothing overflows",
        f"{PORTABLE}/mcuq_requantize_double.h",
        "return (((high + (high >> 31)) >> (-shift - 1)) + 1) >> 1;",
        double_twice,
    ),
    Claim(
        "double, simulator",
        "the same for the form that the simulator computes",
        "mcuq/ir/integer.py",
        "nudge += (np.int64(1) << right) >> 1",
        double_nudged,
    ),
    Claim(
        "double, halves",
        "`dhm(v, m)` from four products of 16 bits, for all of them; nothing overflows",
        "targets/armv6m/kernels/mcuq_requantize_double.h",
        "return (upper * 2) + (((middle >> 14) + 1) >> 1);",
        double_halves,
    ),
    Claim(
        "single",
        "`v m / 2^(31 - e)` rounded once, ties upward, for every product, e of -31 to 30; nothing overflows",
        f"{PORTABLE}/mcuq_requantize_single.h",
        "return (int32_t)(((product >> (30 - shift)) + 1) >> 1);",
        single_twice,
    ),
    Claim(
        "long sums",
        "acc64: rounded once, for every product up to 2^62 and e of -31 to 14; nothing leaves int64,"
        " also with a zero point",
        f"{PORTABLE}/mcuq_mixed.h",
        "value = (((sum * multiplier) >> (14 - shift)) + 1) >> 1;",
        long_sums,
    ),
    Claim(
        "limits",
        "a requantized value has the value's sign and is no larger than the value shifted left,"
        " 2^30 after a right shift: what the harnesses for CBMC assume",
        "proofs/cbmc/include/mcuq_requantize.h",
        "ASSUME((value >= 0) ? ((0 <= result) && (result <= most)) : ((most <= result) && (result <= 0)));",
        kernels_limits,
    ),
    Claim(
        "DSP shortcut",
        "the contract *double* with zero point and limits, for |v| < 2^30, r of 1 to 23 and every zero point;"
        " nothing overflows",
        f"{DSP}/mcuq_dsp.h",
        "return mcuq_ssat8((high + (high >> 31) + offset) >> right);",
        dsp_shortcut,
    ),
    Claim(
        "DSP shortcut by the value's sign",
        "the contract *double* for |v| < 2^30 and r of 1 to 30; nothing overflows",
        f"{DSP}/mcuq_element_dsp.h",
        "return mcuq_smmlar(twice, scale.multiplier, half + (twice >> 31)) >> scale.right;",
        dsp_sign_of_value,
    ),
    Claim(
        "vectors",
        "the contract *double* from VQRDMULH and VRSHL, for every product and r of 0 to 31",
        "targets/armv81m/kernels/mcuq_mve.h",
        '"vadd.i32 " #q ", " #q ", " #t "\\n vrshl.s32 " #q ", " #q ", " #shift "\\n"',
        vector_rounding,
    ),
    Claim(
        "softmax",
        "a share with its two roundings in one shift, for every product exponents of 23 to 31; nothing wraps",
        f"{PORTABLE}/mcuq_softmax_s8.h",
        "const uint32_t share = ((uint32_t)(product >> 32) + half) >> (exponent - 1);",
        softmax_shares,
    ),
    Claim(
        "linear resizing",
        "sums to nearest, ties away from zero, for every sum; the code fits int8",
        f"{PORTABLE}/mcuq_resize_linear_s8.h",
        "return (int8_t)((sum + 524288 + (sum >> 31)) >> 20);",
        resize_rounding,
    ),
    Claim(
        "order",
        "both contracts and the short form of DSP kernels grow with the product: where they agree on both"
        " sides of every threshold, they agree everywhere",
        f"{DSP}/mcuq_dsp.h",
        "return mcuq_ssat8((mcuq_smmulr(sum * ((int32_t)1 << scale), multiplier) + addend) >> 17);",
        order,
    ),
)
