/*
 * Convolution, dense or grouped, int8: two output channels by two windows at a time, the windows' codes in the halves
 * of words.
 */
#ifndef MCUQ_CONV2D_S8_HALVES_H
#define MCUQ_CONV2D_S8_HALVES_H

#include "mcuq_block_halves.h"
#include "mcuq_outputs.h"
#include "mcuq_windows.h"

/*
 * Shapes: see mcuq_windows.h, but for the weights: [out_c][window_c], filled up to an even number of codes with a
 * weight of 0.
 */
typedef mcuq_windows_params mcuq_conv2d_s8_halves_params;

/* Two windows as words, and a word of 0 where their number is odd. */
static inline void mcuq_conv2d_s8_halves_join(mcuq_int32 *words, const int8_t *a, const int8_t *b, int32_t count)
{
    mcuq_int32 *const end = &words[count];
    for (; words != end; words = &words[1]) {
        *words = *a + (*b * 65536);
        a = &a[1];
        b = &b[1];
    }
    *end = 0;
}

/* All channels of a group, from m on, of the first `count` of two windows. */
static inline void mcuq_conv2d_s8_halves_group(const mcuq_conv2d_s8_halves_params *p, const mcuq_int32 *words,
                                               int8_t *y, int32_t count, int32_t m)
{
    const mcuq_outputs to = {p->multiplier, p->shift, p->y_zero_point, p->lo, p->hi};
    const int32_t wide = (p->window_c + 1) & ~1;
    const int32_t end = m + (p->out_c / p->groups);
    int32_t sums[4];
    const mcuq_outputs_block block = {.sums = sums, .width = 2, .count = count, .step = p->out_c};
    mcuq_block_halves_sums found = {.count = wide};
    while (m < end) {
        const int32_t channels = ((end - m) >= 2) ? 2 : 1;
        const int32_t other = m + (channels - 1);
        mcuq_block_halves(words, &p->weights[m * wide], &p->weights[other * wide], &found);
        mcuq_block_halves_split(&found, (uint32_t)p->bias[m], (uint32_t)p->bias[other], sums);
        mcuq_outputs_store(&to, m, channels, &block, y);
        m += channels;
        y = &y[channels];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and taps
 * outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: window_c words and one more, then 2 * window_c bytes; aligned to 4. No sum leaves int32: proved by the
 * model's compiler. y may overlap x where nothing is read any more: of one image without groups, two windows are read
 * before their outputs are written, one after the other.
 */
MCUQ_CALLED void mcuq_conv2d_s8_halves(const mcuq_conv2d_s8_halves_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    const int32_t filters = p->out_c / p->groups;
    mcuq_int32 *const words = (mcuq_int32 *)(void *)scratch;
    int8_t *const gathered = &scratch[4 * (p->window_c + 1)];
    for (int32_t group = 0; group < p->groups; group++) {
        mcuq_windows_walk walk = {.x = &x[group * (p->in_c / p->groups)], .image = 0, .oy = 0, .ox = 0};
        int32_t at = group * filters; /* a number: behind the last windows a pointer would leave y */
        const int8_t *windows[2] = {x, x};
        int32_t count = mcuq_windows_next(p, &walk, gathered, windows, 2);
        while (count > 0) {
            mcuq_conv2d_s8_halves_join(words, windows[0], windows[1], p->window_c);
            mcuq_conv2d_s8_halves_group(p, words, &y[at], count, group * filters);
            at += count * p->out_c;
            count = mcuq_windows_next(p, &walk, gathered, windows, 2);
        }
    }
}

#endif
