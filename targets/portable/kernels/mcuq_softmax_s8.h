/*
 * Softmax over rows, int8; output scale 1/256, zero point -128.
 */
#ifndef MCUQ_SOFTMAX_S8_H
#define MCUQ_SOFTMAX_S8_H

#include "mcuq_common.h"

/*
 * Shapes: x and y [rows][count], count <= 4095; exponentials [256]: e^(-d * scale) in Q0.31 for the
 * distance d of a code from its row's largest.
 */
typedef struct {
    int32_t rows;
    int32_t count;
    const int32_t *exponentials;
} mcuq_softmax_s8_params;

/* The high half of the doubled product, rounded to nearest, ties upward. */
static inline int32_t mcuq_softmax_s8_mul(int32_t a, int32_t b)
{
    return (int32_t)((((int64_t)a * b) + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^exponent to nearest, ties away from zero, for value >= 0; 0 from exponent 32 on. */
static inline int32_t mcuq_softmax_s8_shift(int32_t value, int32_t exponent)
{
    if (exponent > 31) {
        return 0; /* a row of 512 and more near-equal values: a bare shift would be undefined */
    }
    return (int32_t)(((uint32_t)value + (((uint32_t)1 << exponent) >> 1)) >> exponent); /* below 2^31 + 2^30 */
}

/*
 * 1 / (1 + v) in Q0.31 for v in [0, 1), three Newton steps from 48/17 - 32/17 v. Of all v, tried one by one, no step
 * leaves int32; 2 / (1 + v) is 2^30 at most, twice of which is limited to 2^31 - 1.
 */
MCUQ_KERNEL int32_t mcuq_softmax_s8_reciprocal(int32_t v)
{
    const int32_t half = (int32_t)(((uint32_t)v + ((uint32_t)1 << 31)) >> 1);
    int32_t x = 1515870810 + mcuq_softmax_s8_mul(half, -1010580540);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = ((int32_t)1 << 29) - mcuq_softmax_s8_mul(half, x);
        x += mcuq_softmax_s8_mul(x, error) * 4;
    }
    return (int32_t)(((uint32_t)x * 2U) - ((uint32_t)x >> 30));
}

/* Leading zeros of a sum of at least 2^19, the largest element's share: eight, four, two and one at a time. */
static inline int32_t mcuq_softmax_s8_headroom(uint32_t sum)
{
    int32_t headroom = 0;
    for (int32_t zeros = 8; zeros > 0; zeros /= 2) {
        if ((sum >> (32 - zeros)) == 0U) {
            sum <<= zeros;
            headroom += zeros;
        }
    }
    return headroom;
}

/*
 * The shares of a row's elements: (((reciprocal * e + 2^30) >> 31) + 2^(exponent - 1)) >> exponent, where the first
 * shift leaves one bit for the second. exponent: 23 to 34, 35 less the sum's headroom; from 32 on all round to 0.
 */
MCUQ_KERNEL void mcuq_softmax_s8_shares(const int32_t *exponentials, int32_t largest, int32_t reciprocal,
                                        int32_t exponent, int32_t count, const int8_t *x, int8_t *y)
{
    if (exponent > 31) {
        (void)memset(y, -128, (size_t)count); /* a row of 512 and more near-equal values */
        return;
    }
    const uint32_t half = (uint32_t)1 << (exponent - 2);
    for (int32_t i = 0; i < count; i++) {
        const uint32_t e = (uint32_t)exponentials[largest - x[i]];
        const uint64_t product = ((uint64_t)(uint32_t)reciprocal * e) + ((uint64_t)1 << 30);
        const uint32_t share = ((uint32_t)(product >> 32) + half) >> (exponent - 1);
        y[i] = (int8_t)((int32_t)((share > 255U) ? 255U : share) - 128);
    }
}

/* One row: x and y have count elements; y may be x. */
MCUQ_KERNEL void mcuq_softmax_s8_row(const int32_t *exponentials, int32_t count, const int8_t *x, int8_t *y)
{
    int32_t largest = -128;
    for (int32_t i = 0; i < count; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    int32_t sum = 0; /* Q12.19: at most 4095 * 2^19 < 2^31 */
    for (int32_t i = 0; i < count; i++) {
        sum += mcuq_softmax_s8_shift(exponentials[largest - x[i]], 12);
    }
    const int32_t headroom = mcuq_softmax_s8_headroom((uint32_t)sum);
    const int32_t reciprocal = mcuq_softmax_s8_reciprocal((int32_t)(((uint32_t)sum << headroom) & 0x7FFFFFFFU));
    mcuq_softmax_s8_shares(exponentials, largest, reciprocal, 35 - headroom, count, x, y);
}

/* y = exp(x) / sum exp(x) along each row. y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_softmax_s8(const mcuq_softmax_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_softmax_s8_row(p->exponentials, p->count, &x[row * p->count], &y[row * p->count]);
    }
}

#endif
