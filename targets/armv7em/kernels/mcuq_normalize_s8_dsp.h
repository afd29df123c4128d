/*
 * Normalization of groups of values by their mean and variance, or root mean square, int8, for cores with DSP
 * instructions.
 */
#ifndef MCUQ_NORMALIZE_S8_DSP_H
#define MCUQ_NORMALIZE_S8_DSP_H

#include "mcuq_dsp.h"
#include "mcuq_normalize.h"
#include "mcuq_requantize.h"

/*
 * Shapes: x and y [outer][positions][groups][channels], gain and bias [groups][channels]. A group of values
 * extends over positions and channels. is_short: whether mcuq_requantize_dsp is exact for all sums; then -shift is 1 to
 * 23.
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
    int32_t is_short;
    int32_t multiplier;
    int32_t shift;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int16_t *gain;
    const int32_t *bias;
} mcuq_normalize_s8_dsp_params;

/* A run of values, `step` codes apart in x and y, whose gains and biases lie gain_step apart. */
typedef struct {
    int32_t count;
    int32_t step;
    int32_t gain_step;
} mcuq_normalize_s8_dsp_run;

/* Sums of d and of d * d. */
typedef struct {
    int32_t total;
    int32_t squares;
} mcuq_normalize_s8_dsp_sums;

/* Adds a run of codes side by side; minus: -offset in both halves. */
static inline mcuq_normalize_s8_dsp_sums mcuq_normalize_s8_dsp_add(mcuq_normalize_s8_dsp_sums sums, const int8_t *x,
                                                                   int32_t count, uint32_t minus, int32_t offset)
{
    const uint32_t ones = 0x00010001U;
    int32_t c = 0;
    for (; (c + 4) <= count; c += 4) {
        const uint32_t word = mcuq_load4(&x[c]);
        const uint32_t even = mcuq_sxtab16(minus, word);
        const uint32_t odd = mcuq_sxtab16_odd(minus, word);
        sums.total = mcuq_smlad(even, ones, sums.total);
        sums.squares = mcuq_smlad(even, even, sums.squares);
        sums.total = mcuq_smlad(odd, ones, sums.total);
        sums.squares = mcuq_smlad(odd, odd, sums.squares);
    }
    for (; c < count; c++) {
        const int32_t d = x[c] - offset;
        sums.total += d;
        sums.squares += d * d;
    }
    return sums;
}

/* Sums over one group, and its scale. */
MCUQ_KERNEL MCUQ_NOINLINE mcuq_normalize_group mcuq_normalize_s8_dsp_scale(const mcuq_normalize_s8_dsp_params *p,
                                                                           const int8_t *x)
{
    mcuq_normalize_s8_dsp_sums sums = {0, 0};
    const uint32_t minus = mcuq_pack_low((uint32_t)-p->offset, (uint32_t)-p->offset);
    const int32_t channels = p->channels;
    const int32_t step = p->groups * channels;
    int32_t at = 0;
    if (channels == 1) {
        const int32_t offset = p->offset;
        for (int32_t i = p->positions; i > 0; i--) {
            const int32_t d = x[at] - offset;
            sums.total += d;
            sums.squares += d * d;
            at += step;
        }
    } else {
        for (int32_t i = p->positions; i > 0; i--) {
            sums = mcuq_normalize_s8_dsp_add(sums, &x[at], channels, minus, p->offset);
            at += step;
        }
    }
    const int64_t epsilon = (int64_t)p->epsilon * ((int64_t)1 << p->epsilon_shift);
    return mcuq_normalize_scale(p->positions * channels, (p->is_centred != 0) ? sums.total : 0, sums.squares, epsilon,
                                p->fraction);
}

/*
 * The values of a run where requantization is short.
 *
 * Where the shift is at most 32, (d * root + 2^(shift - 1)) / 2^shift is the rounded high half of root and
 * d * 2^(32 - shift), which is below 2^18: a normalized value is at most sqrt(count) and root at least 2^30. Otherwise
 * it is the high half of the sum, shifted on. factor and less: what is multiplied with root is x * factor - less of a
 * code x, modulo 2^32.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_normalize_s8_dsp_short(const mcuq_normalize_s8_dsp_params *p,
                                                           const mcuq_normalize_s8_dsp_run *run, int32_t channel,
                                                           const mcuq_normalize_group *group, const int8_t *x,
                                                           int8_t *y)
{
    const int32_t count = p->positions * p->channels;
    const int32_t left_shift = (group->shift < 32) ? (32 - group->shift) : 0;
    const int32_t more = (group->shift < 32) ? 0 : (group->shift - 32);
    const int64_t half = (int64_t)1 << (31 + more);
    const uint32_t factor = (uint32_t)count << left_shift;
    const uint32_t less = ((uint32_t)group->total << left_shift) + ((uint32_t)p->offset * factor);
    const int32_t root = group->root;
    const int32_t multiplier = p->multiplier;
    const int32_t right = -p->shift;
    const int32_t offset = mcuq_offset_dsp(right, p->y_zero_point);
    const int16_t *gain = &p->gain[channel];
    const int32_t *bias = &p->bias[channel];
    const int32_t step = run->step;
    const int32_t gain_step = run->gain_step;
    int32_t at = 0;
    int32_t g = 0;
    for (int32_t left = run->count; left > 0; left--) {
        const int32_t d = (int32_t)(((uint32_t)x[at] * factor) - less);
        const int32_t v = (int32_t)((((int64_t)d * root) + half) >> 32) >> more;
        const int32_t sum = (v * gain[g]) + bias[g];
        y[at] = (int8_t)mcuq_requantize_dsp(sum, multiplier, right, offset);
        at += step;
        g += gain_step;
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        at = 0;
        for (int32_t left = run->count; left > 0; left--) {
            y[at] = mcuq_clamp(y[at], p->lo, p->hi);
            at += step;
        }
    }
}

/* The values of any run. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_normalize_s8_dsp_long(const mcuq_normalize_s8_dsp_params *p,
                                                          const mcuq_normalize_s8_dsp_run *run, int32_t channel,
                                                          const mcuq_normalize_group *group, const int8_t *x,
                                                          int8_t *y)
{
    const int32_t count = p->positions * p->channels;
    const int64_t half = (int64_t)1 << (group->shift - 1);
    int32_t at = 0;
    int32_t g = channel;
    for (int32_t left = run->count; left > 0; left--) {
        const int32_t d = (count * (x[at] - p->offset)) - group->total;
        const int32_t v = mcuq_normalize_value(group, half, d);
        const int32_t value = mcuq_requantize((v * p->gain[g]) + p->bias[g], p->multiplier, p->shift);
        y[at] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
        at += run->step;
        g += run->gain_step;
    }
}

/* The values of one group: runs along the longer of its two sides. */
MCUQ_KERNEL void mcuq_normalize_s8_dsp_values(const mcuq_normalize_s8_dsp_params *p, int32_t channel,
                                              const mcuq_normalize_group *group, const int8_t *x, int8_t *y)
{
    const int32_t step = p->groups * p->channels;
    const int32_t is_down = (p->positions > p->channels);
    const mcuq_normalize_s8_dsp_run down = {p->positions, step, 0};
    const mcuq_normalize_s8_dsp_run along = {p->channels, 1, 1};
    const mcuq_normalize_s8_dsp_run *const run = (is_down != 0) ? &down : &along;
    const int32_t runs = (is_down != 0) ? p->channels : p->positions;
    for (int32_t i = 0; i < runs; i++) {
        const int32_t at = (is_down != 0) ? i : (i * step);
        const int32_t first = (is_down != 0) ? (channel + i) : channel;
        if (p->is_short != 0) {
            mcuq_normalize_s8_dsp_short(p, run, first, group, &x[at], &y[at]);
        } else {
            mcuq_normalize_s8_dsp_long(p, run, first, group, &x[at], &y[at]);
        }
    }
}

/*
 * y = clamp(requantize(normalized x * gain + bias) + y_zero_point, lo, hi)
 *
 * y may be x; it may not overlap it otherwise. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_normalize_s8_dsp(const mcuq_normalize_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t g = 0; g < p->groups; g++) {
            const int32_t channel = g * p->channels;
            const int32_t first = (i * p->positions * p->groups * p->channels) + channel;
            const mcuq_normalize_group group = mcuq_normalize_s8_dsp_scale(p, &x[first]);
            mcuq_normalize_s8_dsp_values(p, channel, &group, &x[first], &y[first]);
        }
    }
}

#endif
