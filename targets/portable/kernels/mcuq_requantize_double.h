/*
 * Requantization, contract "double": the value is rounded twice, as TensorFlow Lite's reference kernels do.
 */
#if defined(MCUQ_ROUNDS_SINGLE)
#error "mcuq: models of two requantization contracts in one source file: compile each by itself, no unity build"
#endif
#define MCUQ_ROUNDS_DOUBLE

#ifndef MCUQ_REQUANTIZE_H
#define MCUQ_REQUANTIZE_H

#include <stdint.h>

/* (value * multiplier + 2^30) >> 31, for a multiplier below 2^31. */
static inline int32_t mcuq_requantize_high(int32_t value, int32_t multiplier)
{
    return (int32_t)((((int64_t)value * multiplier) + ((int64_t)1 << 30)) >> 31);
}

/*
 * value * multiplier * 2^(shift - 31), rounded to the nearest integer in two steps: the high half of the
 * doubled product with ties upward, then the right shift with ties away from zero.
 *
 * multiplier: 0 or in [2^30, 2^31). shift: in [-31, 30], positive shifts left; the compiler of the model
 * proved that value * 2^shift stays in int32.
 */
static inline int32_t mcuq_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    if (shift >= 0) {
        return mcuq_requantize_high(value * (int32_t)(1 << shift), multiplier);
    }
    /*
     * One less below zero, then ties upward: ties go away from zero. No overflow: the multiplier is below 2^31, so high
     * is above -2^31, and the last bit goes behind the addition.
     */
    const int32_t high = mcuq_requantize_high(value, multiplier);
    return (((high + (high >> 31)) >> (-shift - 1)) + 1) >> 1;
}

#endif
