/*
 * What kernels of recurrent layers share: sums of products, and sigmoid and tanh of gates in Q3.12.
 */
#ifndef MCUQ_RECURRENT_H
#define MCUQ_RECURRENT_H

#include "mcuq_wide.h"
#include "mcuq_requantize.h"

/* Rows of count weights; bias, multiplier and shift hold one element per row. */
typedef struct {
    int32_t count;
    int32_t zero_point;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_recurrent_sums;

/* value / 2^shift to nearest, ties upward; |value| <= 2^30, 1 <= shift <= 20. */
static inline int32_t mcuq_recurrent_shift(int32_t value, int32_t shift)
{
    return (value + ((int32_t)1 << (shift - 1))) >> shift;
}

/* The value limited to [-most, most], where 0 <= most <= 32767. */
static inline int32_t mcuq_recurrent_limit(int32_t value, int32_t most)
{
    const int32_t above = (value < -most) ? -most : value;
    return (above > most) ? most : above;
}

/* requantize(bias + sum (x - zero_point) * w) of one row; at most 2^28 in magnitude: proved by the compiler. */
MCUQ_KERNEL int32_t mcuq_recurrent_sum(const mcuq_recurrent_sums *s, int32_t row, const int8_t *x)
{
    const int8_t *const w = &s->weights[row * s->count];
    int32_t sum = s->bias[row];
    for (int32_t k = 0; k < s->count; k++) {
        sum += (x[k] - s->zero_point) * w[k];
    }
    return mcuq_requantize(sum, s->multiplier[row], s->shift[row]);
}

/*
 * tanh(v / 2^(bits + 5)) in Q0.15, linear between the entries of table [257]: tanh(k / 32) in Q0.15.
 *
 * |v| <= 32767, bits: 7 or 8.
 */
static inline int32_t mcuq_recurrent_interpolate(const int16_t *table, int32_t v, int32_t bits)
{
    const int32_t magnitude = (v < 0) ? -v : v;
    const int16_t *const entry = &table[magnitude >> bits];
    const int32_t rest = magnitude & (((int32_t)1 << bits) - 1);
    const int32_t y = entry[0] + mcuq_recurrent_shift((entry[1] - entry[0]) * rest, bits);
    return (v < 0) ? -y : y;
}

/* tanh of a gate in Q3.12 as Q0.15. */
static inline int32_t mcuq_recurrent_tanh(const int16_t *table, int32_t v)
{
    return mcuq_recurrent_interpolate(table, v, 7);
}

/* sigmoid of a gate in Q3.12 as Q0.15: half of 1 + tanh(v / 2). */
static inline int32_t mcuq_recurrent_sigmoid(const int16_t *table, int32_t v)
{
    return mcuq_recurrent_shift(((int32_t)1 << 15) + mcuq_recurrent_interpolate(table, v, 8), 1);
}

#endif
