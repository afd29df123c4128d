/*
 * Normalization of groups of values by their mean and variance, or root mean square, int8.
 */
#ifndef MCUQ_NORMALIZE_S8_H
#define MCUQ_NORMALIZE_S8_H

#include "mcuq_normalize.h"
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

/* Sums over one group. */
MCUQ_KERNEL mcuq_normalize_group mcuq_normalize_s8_sums(const mcuq_normalize_s8_params *p, const int8_t *x)
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
    const int64_t epsilon = (int64_t)p->epsilon * ((int64_t)1 << p->epsilon_shift);
    return mcuq_normalize_scale(p->positions * p->channels, (p->is_centred != 0) ? total : 0, squares, epsilon,
                                p->fraction);
}

/* The values of one group whose gains and biases begin at a channel. */
MCUQ_KERNEL void mcuq_normalize_s8_values(const mcuq_normalize_s8_params *p, int32_t channel,
                                          const mcuq_normalize_group *group, const int8_t *x, int8_t *y)
{
    const int32_t count = p->positions * p->channels;
    const int64_t half = (int64_t)1 << (group->shift - 1);
    for (int32_t i = 0; i < p->positions; i++) {
        const int32_t first = i * (p->groups * p->channels);
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t d = (count * (x[first + c] - p->offset)) - group->total;
            const int32_t v = mcuq_normalize_value(group, half, d);
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
MCUQ_CALLED void mcuq_normalize_s8(const mcuq_normalize_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t g = 0; g < p->groups; g++) {
            const int32_t channel = g * p->channels;
            const int32_t first = (i * p->positions * p->groups * p->channels) + channel;
            const mcuq_normalize_group group = mcuq_normalize_s8_sums(p, &x[first]);
            mcuq_normalize_s8_values(p, channel, &group, &x[first], &y[first]);
        }
    }
}

#endif
