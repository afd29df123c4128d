/*
 * Requantization, contract "double", in products of 32 bits: the value is rounded twice, as TensorFlow Lite's
 * reference kernels do.
 */
#if defined(MCUQ_ROUNDS_SINGLE)
#error "mcuq: models of two requantization contracts in one source file: compile each by itself, no unity build"
#endif
#define MCUQ_ROUNDS_DOUBLE

#ifndef MCUQ_REQUANTIZE_H
#define MCUQ_REQUANTIZE_H

#include <stdint.h>

/*
 * (value * multiplier + 2^30) >> 31, for a multiplier below 2^31.
 *
 * With halves value = 2^16 vh + vl and multiplier = 2^16 mh + ml the product is
 * 2^32 vh mh + 2^16 (vh ml + vl mh) + vl ml. The middle sum, with what vl ml carries into it, is taken in two steps, as
 * it may have 33 bits; each step fits 32. The lower 16 bits of vl ml decide nothing, as rounding looks at bit 30.
 */
static inline int32_t mcuq_requantize_high(int32_t value, int32_t multiplier)
{
    const int32_t vh = value >> 16;
    const uint32_t vl = (uint32_t)value & 0xFFFFU;
    const int32_t mh = multiplier >> 16;
    const uint32_t ml = (uint32_t)multiplier & 0xFFFFU;
    const uint32_t lower = (vl * (uint32_t)mh) + ((vl * ml) >> 16);
    const int32_t middle = (vh * (int32_t)ml) + (int32_t)(lower & 0xFFFFU);
    const int32_t upper = (vh * mh) + (int32_t)(lower >> 16);
    return (upper * 2) + (((middle >> 14) + 1) >> 1);
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
    /* One less below zero, then ties upward: ties go away from zero. As in the portable form, nothing overflows. */
    const int32_t high = mcuq_requantize_high(value, multiplier);
    return (((high + (high >> 31)) >> (-shift - 1)) + 1) >> 1;
}

#endif
