/*
 * Requantization, contract "double": the value is rounded twice, as TensorFlow Lite's reference kernels do.
 */
#ifndef MCUQ_REQUANTIZE_H
#define MCUQ_REQUANTIZE_H

#include <stdint.h>

/*
 * value * multiplier * 2^(shift - 31), rounded to the nearest integer in two steps: the high half of the
 * doubled product with ties upward, then the right shift with ties away from zero.
 *
 * multiplier: 0 or in [2^30, 2^31). shift: in [-31, 30], positive shifts left; the compiler of the model
 * proved that value * 2^shift stays in int32.
 */
static inline int32_t mcuq_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t left = (shift > 0) ? shift : 0;
    const int32_t right = (shift > 0) ? 0 : -shift;
    const int64_t product = (int64_t)(value * (int32_t)(1 << left)) * multiplier;
    const int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
    const int32_t mask = (int32_t)(((uint32_t)1 << right) - 1U);
    const int32_t threshold = (mask >> 1) + ((high < 0) ? 1 : 0);
    return (high >> right) + (((high & mask) > threshold) ? 1 : 0);
}

#endif
