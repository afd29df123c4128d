/*
 * Requantization, contract "single": the value is rounded once.
 */
#if defined(MCUQ_ROUNDS_DOUBLE)
#error "mcuq: models of two requantization contracts in one source file: compile each by itself, no unity build"
#endif
#define MCUQ_ROUNDS_SINGLE

#ifndef MCUQ_REQUANTIZE_H
#define MCUQ_REQUANTIZE_H

#include <stdint.h>

/*
 * value * multiplier * 2^(shift - 31), rounded to the nearest integer once, ties upward.
 *
 * multiplier: 0 or in [2^30, 2^31). shift: in [-31, 30], positive shifts left; the compiler of the model
 * proved that the result stays in int32.
 */
static inline int32_t mcuq_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    const int64_t product = (int64_t)value * multiplier;
    return (int32_t)(((product >> (30 - shift)) + 1) >> 1);
}

#endif
