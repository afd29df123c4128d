/*
 * Normalization of groups of values by their mean and variance, or root mean square, int8.
 */
#ifndef MCUQ_NORMALIZE_S8_H
#define MCUQ_NORMALIZE_S8_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

/*
 * Shapes: x and y [outer][positions][groups][channels], gain and bias [groups][channels]. A group of values
 * extends over positions and channels.
 */
typedef struct {
    int32_t outer;
    int32_t positions;
    int32_t groups;
    int32_t channels;
    int32_t is_centred;
    int32_t offset;
    int32_t epsilon;
    int32_t epsilon_shift;
    int32_t fraction;
    int32_t multiplier;
    int32_t shift;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int16_t *gain;
    const int32_t *bias;
} mcuq_normalize_s8_params;

/* What is known of a group: (n d - total) root / 2^shift is a normalized value. */
typedef struct {
    int32_t total;
    int32_t root;
    int32_t shift;
} mcuq_normalize_s8_group;

/* root and shift for 1 / sqrt(w), w in [1, 2^62): a line and four Newton steps, each product below 2^63. */
MCUQ_KERNEL void mcuq_normalize_s8_root(int64_t w, int32_t fraction, mcuq_normalize_s8_group *group)
{
    uint64_t m = (uint64_t)w;
    int32_t e = 0;
    while (m < ((uint64_t)1 << 30)) { /* at most 15 times */
        m <<= 2;
        e--;
    }
    while (m >= ((uint64_t)1 << 32)) { /* at most 15 times */
        m >>= 2;
        e++;
    }
    uint64_t r = 2319282340U - ((5U * m) >> 4);
    for (int32_t i = 0; i < 4; i++) {
        const uint64_t u = (((r * r) >> 30) * m) >> 32;
        r = (r * (3221225472U - u)) >> 31;
    }
    group->root = (int32_t)((r > 2147483647U) ? 2147483647U : r);
    group->shift = (46 + e) - fraction;
}

/* Sums over one group. */
MCUQ_KERNEL void mcuq_normalize_s8_sums(const mcuq_normalize_s8_params *p, const int8_t *x,
                                        mcuq_normalize_s8_group *group)
{
    int32_t total = 0;
    int32_t squares = 0;
    for (int32_t i = 0; i < p->positions; i++) {
        const int8_t *row = &x[i * (p->groups * p->channels)];
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t d = row[c] - p->offset;
            total += d;
            squares += d * d;
        }
    }
    group->total = (p->is_centred != 0) ? total : 0;
    const int64_t epsilon = (int64_t)p->epsilon * ((int64_t)1 << p->epsilon_shift);
    const int64_t own = ((int64_t)(p->positions * p->channels) * squares) - ((int64_t)group->total * group->total);
    const int64_t w = own + epsilon;
    mcuq_normalize_s8_root((w > 0) ? w : 1, p->fraction, group);
}

/* The values of one group whose gains and biases begin at a channel. */
MCUQ_KERNEL void mcuq_normalize_s8_values(const mcuq_normalize_s8_params *p, int32_t channel,
                                          const mcuq_normalize_s8_group *group, const int8_t *x, int8_t *y)
{
    const int32_t count = p->positions * p->channels;
    const int64_t half = (int64_t)1 << (group->shift - 1);
    for (int32_t i = 0; i < p->positions; i++) {
        const int32_t first = i * (p->groups * p->channels);
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t d = (count * (x[first + c] - p->offset)) - group->total;
            const int32_t v = (int32_t)((((int64_t)d * group->root) + half) >> group->shift);
            const int32_t sum = (v * p->gain[channel + c]) + p->bias[channel + c];
            const int32_t value = mcuq_requantize(sum, p->multiplier, p->shift);
            y[first + c] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
        }
    }
}

/*
 * y = clamp(requantize(normalized x * gain + bias) + y_zero_point, lo, hi)
 *
 * y may be x; it may not overlap it otherwise. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_KERNEL void mcuq_normalize_s8(const mcuq_normalize_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t g = 0; g < p->groups; g++) {
            const int32_t channel = g * p->channels;
            const int32_t first = (i * p->positions * p->groups * p->channels) + channel;
            mcuq_normalize_s8_group group;
            mcuq_normalize_s8_sums(p, &x[first], &group);
            mcuq_normalize_s8_values(p, channel, &group, &x[first], &y[first]);
        }
    }
}

#endif
