/*
 * What kernels share whose input or output may be int8 or int16: elements, sums of products and their end.
 */
#ifndef MCUQ_MIXED_H
#define MCUQ_MIXED_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/* Element i of a tensor of int16 or int8; callers give the type as a constant. */
MCUQ_INLINE int32_t mcuq_mixed_code(const void *x, int32_t i, int32_t is_wide)
{
    return (is_wide != 0) ? ((const mcuq_int16 *)x)[i] : ((const int8_t *)x)[i];
}

/* The tensor from element i on. */
MCUQ_INLINE const void *mcuq_mixed_at(const void *x, int32_t i, int32_t is_wide)
{
    return (is_wide != 0) ? (const void *)&((const mcuq_int16 *)x)[i] : (const void *)&((const int8_t *)x)[i];
}

/*
 * sum over k of (x[k] - zero_point) * w[k], k < count, as int64: the sums of a layer may need it.
 *
 * 256 products of 2^15 and 2^7 at most stay in int32; the zero point of int16 is 0.
 */
MCUQ_INLINE int64_t mcuq_mixed_dot(const void *x, const int8_t *w, int32_t count, int32_t zero_point,
                                   int32_t is_wide)
{
    int64_t sum = 0;
    for (int32_t start = 0; start < count; start += 256) {
        const int32_t end = ((count - start) > 256) ? (start + 256) : count;
        int32_t part = 0;
        for (int32_t k = start; k < end; k++) {
            part += (mcuq_mixed_code(x, k, is_wide) - zero_point) * w[k];
        }
        sum += part;
    }
    return sum;
}

/* How sums become codes. */
typedef struct {
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    int32_t is_long; /* 1: sums may need int64, multipliers have 15 bits and shifts are at most 14 */
} mcuq_mixed_end;

/*
 * clamp(requantize(sum) + y_zero_point, lo, hi) into element i of y.
 *
 * Of long sums: (((sum * multiplier) >> (14 - shift)) + 1) >> 1, rounded once whatever the contract is; |sum| is
 * below 2^47, so that nothing leaves int64.
 */
MCUQ_INLINE void mcuq_mixed_put(mcuq_mixed_end end, void *y, int32_t i, int64_t sum, int32_t multiplier,
                                int32_t shift, int32_t is_wide)
{
    int64_t value;
    if (end.is_long != 0) {
        value = (((sum * multiplier) >> (14 - shift)) + 1) >> 1;
    } else {
        value = mcuq_requantize((int32_t)sum, multiplier, shift);
    }
    value += end.y_zero_point;
    value = (value < end.lo) ? end.lo : value;
    value = (value > end.hi) ? end.hi : value;
    if (is_wide != 0) {
        ((mcuq_int16 *)y)[i] = (int16_t)value;
    } else {
        ((int8_t *)y)[i] = (int8_t)value;
    }
}

#endif
