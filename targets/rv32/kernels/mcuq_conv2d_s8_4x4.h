/*
 * Convolution, dense or grouped, int8: four output channels by four windows at a time, for RV32.
 */
#ifndef MCUQ_CONV2D_S8_4X4_H
#define MCUQ_CONV2D_S8_4X4_H

#include "mcuq_block_4x4.h"
#include "mcuq_outputs.h"
#include "mcuq_windows.h"

/* Shapes: see mcuq_windows.h. */
typedef mcuq_windows_params mcuq_conv2d_s8_4x4_params;

/* All channels of a group, from m on, of `count` windows (1 to 4). */
static inline void mcuq_conv2d_s8_4x4_group(const mcuq_conv2d_s8_4x4_params *p, const int8_t *const *windows,
                                            int8_t *y, int32_t count, int32_t m)
{
    const mcuq_outputs to = {p->multiplier, p->shift, p->y_zero_point, p->lo, p->hi};
    const int32_t end = m + (p->out_c / p->groups);
    const int8_t *w = &p->weights[m * p->window_c];
    int32_t sums[16];
    const mcuq_outputs_block block = {.sums = sums, .width = 4, .count = count, .step = p->out_c};
    while (m < end) {
        const int32_t channels = ((end - m) >= 4) ? 4 : 1;
        if (channels == 4) {
            mcuq_block_4x4(windows, w, p->window_c, &p->bias[m], sums);
        } else {
            mcuq_block_4x4_single(windows, w, p->window_c, p->bias[m], sums);
        }
        mcuq_outputs_store(&to, m, channels, &block, y);
        m += channels;
        w = &w[channels * p->window_c];
        y = &y[channels];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and taps
 * outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: 4 * window_c bytes, unused where all windows are single taps inside the image. No sum leaves int32: proved
 * by the model's compiler. y may overlap x where nothing is read any more: of one image without groups, four windows
 * are read before their last outputs are written, one after the other.
 */
MCUQ_CALLED void mcuq_conv2d_s8_4x4(const mcuq_conv2d_s8_4x4_params *p, const int8_t *x, int8_t *y,
                                    int8_t *scratch)
{
    const int32_t filters = p->out_c / p->groups;
    for (int32_t group = 0; group < p->groups; group++) {
        mcuq_windows_walk walk = {.x = &x[group * (p->in_c / p->groups)], .image = 0, .oy = 0, .ox = 0};
        int32_t at = group * filters; /* a number: behind the last windows a pointer would leave y */
        const int8_t *windows[4] = {x, x, x, x};
        int32_t count = mcuq_windows_next(p, &walk, scratch, windows, 4);
        while (count > 0) {
            mcuq_conv2d_s8_4x4_group(p, windows, &y[at], count, group * filters);
            at += count * p->out_c;
            count = mcuq_windows_next(p, &walk, scratch, windows, 4);
        }
    }
}

#endif
