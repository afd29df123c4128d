/*
 * Convolution, dense or grouped, int8, weights of four bits: four output channels by two windows at a time.
 */
#ifndef MCUQ_CONV2D_S8_W4_4X2_H
#define MCUQ_CONV2D_S8_W4_4X2_H

#include "mcuq_block_4x2_w4.h"
#include "mcuq_outputs.h"
#include "mcuq_windows.h"

/*
 * Shapes: see mcuq_windows.h, but for the weights: of each group, its channels by fours as [window_c][2], the first
 * of two channels in a byte in its low bits, channels of zeros filling up the last four. The bias has as many values
 * behind it as the last four lack channels.
 */
typedef mcuq_windows_params mcuq_conv2d_s8_w4_4x2_params;

/* All channels of a group, from m on, of `count` windows (1 or 2); w: their weights. */
static inline void mcuq_conv2d_s8_w4_4x2_group(const mcuq_conv2d_s8_w4_4x2_params *p, const int8_t *const *windows,
                                               const int8_t *w, int8_t *y, int32_t count, int32_t m)
{
    const mcuq_outputs to = {p->multiplier, p->shift, p->y_zero_point, p->lo, p->hi};
    const int32_t end = m + (p->out_c / p->groups);
    int32_t sums[8];
    const mcuq_outputs_block block = {.sums = sums, .width = 2, .count = count, .step = p->out_c};
    for (; m < end; m += 4) {
        const int32_t channels = ((end - m) < 4) ? (end - m) : 4;
        mcuq_block_4x2_w4(windows, w, p->window_c, &p->bias[m], sums);
        mcuq_outputs_store(&to, m, channels, &block, y);
        w = &w[2 * p->window_c];
        y = &y[channels];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and taps
 * outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: 2 * window_c bytes, unused where all windows are single taps inside the image. No sum leaves int32: proved
 * by the model's compiler. y may overlap x where nothing is read any more: of one image without groups, two windows
 * are read before their last outputs are written, one after the other.
 */
MCUQ_CALLED void mcuq_conv2d_s8_w4_4x2(const mcuq_conv2d_s8_w4_4x2_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    const int32_t filters = p->out_c / p->groups;
    const int32_t group_bytes = 2 * p->window_c * ((filters + 3) / 4);
    for (int32_t group = 0; group < p->groups; group++) {
        mcuq_windows_walk walk = {.x = &x[group * (p->in_c / p->groups)], .image = 0, .oy = 0, .ox = 0};
        const int8_t *const w = &p->weights[group * group_bytes];
        int32_t at = group * filters; /* a number: behind the last windows a pointer would leave y */
        const int8_t *windows[2] = {x, x};
        int32_t count = mcuq_windows_next(p, &walk, scratch, windows, 2);
        while (count > 0) {
            mcuq_conv2d_s8_w4_4x2_group(p, windows, w, &y[at], count, group * filters);
            at += count * p->out_c;
            count = mcuq_windows_next(p, &walk, scratch, windows, 2);
        }
    }
}

#endif
