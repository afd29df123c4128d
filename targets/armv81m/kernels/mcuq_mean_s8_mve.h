/*
 * Mean over windows inside the image, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_MEAN_S8_MVE_H
#define MCUQ_MEAN_S8_MVE_H

#include "mcuq_pool_mve.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; kernel_w <= 255.
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
} mcuq_mean_s8_mve_params;

/*
 * y = clamp(requantize(sum x - offset) + y_zero_point, lo, hi)
 *
 * y may overlap x a multiple of `channels` codes away where nothing is read any more: pixel by
 * pixel, each channel is read before it is written.
 */
MCUQ_CALLED void mcuq_mean_s8_mve(const mcuq_mean_s8_mve_params *p, const int8_t *x, int8_t *y)
{
    const mcuq_pool_mve_scale scale = {
        .offset = p->offset,
        .left = (p->shift > 0) ? p->shift : 0,
        .multiplier = p->multiplier,
        .y_zero_point = p->y_zero_point,
        .right = (p->shift > 0) ? 0 : p->shift,
        .lo = p->lo,
        .hi = p->hi,
    };
    mcuq_pool_mve_window window = {
        .y = y,
        .rows = p->kernel_h,
        .columns = p->kernel_w,
        .row_step = p->in_w * p->channels,
        .column_step = p->channels,
        .channels = p->channels,
    };
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                window.x = &x[((oy * p->stride_h * p->in_w) + (ox * p->stride_w)) * p->channels];
                mcuq_pool_mve_mean(&window, &scale);
                window.y = &window.y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
