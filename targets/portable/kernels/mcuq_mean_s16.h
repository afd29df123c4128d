/*
 * Mean over windows inside the image with an output scale of its own, int16.
 */
#ifndef MCUQ_MEAN_S16_H
#define MCUQ_MEAN_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels].
 * offset: x_zero_point * kernel_h * kernel_w. The multiplier holds the division by the number of taps.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t offset;
    int32_t multiplier;
    int32_t shift;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_mean_s16_params;

/* The sum of one window's codes; x is its first element. */
MCUQ_KERNEL int32_t mcuq_mean_s16_window(const mcuq_mean_s16_params *p, const mcuq_int16 *x)
{
    const int32_t step = p->channels;
    const int32_t cols = p->kernel_w;
    int32_t sum = 0;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const mcuq_int16 *const row = &x[i * p->in_w * step];
        int32_t at = 0;
        for (int32_t left = cols; left > 0; left--) {
            sum += row[at];
            at += step;
        }
    }
    return sum;
}

/*
 * y = clamp(requantize(sum x - offset) + y_zero_point, lo, hi)
 *
 * x and y do not overlap.
 */
MCUQ_CALLED void mcuq_mean_s16(const mcuq_mean_s16_params *p, const mcuq_int16 *restrict x, mcuq_int16 *restrict y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const mcuq_int16 *window =
                    &x[(((oy * p->stride_h) * p->in_w) + (ox * p->stride_w)) * p->channels];
                for (int32_t c = 0; c < p->channels; c++) {
                    const int32_t sum = mcuq_mean_s16_window(p, &window[c]) - p->offset;
                    const int32_t value = mcuq_requantize(sum, p->multiplier, p->shift);
                    *y = mcuq_clamp_s16(value + p->y_zero_point, p->lo, p->hi);
                    y++;
                }
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
