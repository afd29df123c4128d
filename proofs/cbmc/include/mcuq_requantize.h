/*
 * Requantization as kernels may rely on it, whichever contract a model has.
 *
 * Its place is taken by mcuq_requantize_double.h or mcuq_requantize_single.h in firmware. The harnesses of these two
 * prove what is assumed here of the result; what is assumed of the value is proved of every model by its compiler
 * (docs/numerics.md, R6).
 */
#ifndef MCUQ_REQUANTIZE_H
#define MCUQ_REQUANTIZE_H

#include "proof.h"

static inline int32_t mcuq_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    ASSERT(multiplier >= 0, "a multiplier is not negative");
    ASSERT((shift >= -31) && (shift <= 30), "a shift is in [-31, 30]");
    const int32_t result = nondet_int32();
    if (shift >= 0) {
        const int32_t room = (INT32_MAX - 256) >> shift;
        ASSUME((-room <= value) && (value <= room));
    } else {
        ASSUME((-((int32_t)1 << 30) <= result) && (result <= ((int32_t)1 << 30)));
    }
    const int32_t most = (shift > 0) ? (value * ((int32_t)1 << shift)) : value;
    ASSUME((value >= 0) ? ((0 <= result) && (result <= most)) : ((most <= result) && (result <= 0)));
    return result;
}

#endif
