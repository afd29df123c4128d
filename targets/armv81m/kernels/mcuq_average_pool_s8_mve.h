/*
 * Average over a window with the input's scale, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_AVERAGE_POOL_S8_MVE_H
#define MCUQ_AVERAGE_POOL_S8_MVE_H

#include "mcuq_pool_mve.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; kernel_w <= 255, kernel_h * kernel_w <= 4087.
 * outside: the code that a tap outside the image counts as; counts_outside: whether it counts at all.
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
    int32_t pad_top;
    int32_t pad_left;
    int32_t counts_outside;
    int32_t outside;
} mcuq_average_pool_s8_mve_params;

/* A window of which `taps` lie in the image: all channels of a pixel. */
MCUQ_KERNEL void mcuq_average_pool_s8_mve_pixel(const mcuq_average_pool_s8_mve_params *p,
                                                const mcuq_pool_mve_window *window, int32_t taps)
{
    const int32_t all = p->kernel_h * p->kernel_w;
    const int32_t count = (p->counts_outside != 0) ? all : taps;
    if (taps == 0) {
        mcuq_rows_mve_fill(window->y, (p->counts_outside != 0) ? p->outside : 0, p->channels);
    } else {
        const mcuq_pool_mve_share share = {
            .offset = -p->outside * (count - taps),
            .half = count / 2,
            .reciprocal = (((uint32_t)1 << 31) + (uint32_t)(count - 1)) / (uint32_t)count,
        };
        mcuq_pool_mve_average(window, &share);
    }
}

/*
 * y = mean over the window of x, codes of one scale, ties away from zero.
 *
 * y may overlap x a multiple of `channels` codes away where nothing is read any more: pixel by
 * pixel, each channel is read before it is written.
 */
MCUQ_CALLED void mcuq_average_pool_s8_mve(const mcuq_average_pool_s8_mve_params *p, const int8_t *x, int8_t *y)
{
    const mcuq_pool_mve_shape shape = {p->in_h, p->in_w, p->channels, p->kernel_h, p->kernel_w, 1, 1};
    mcuq_pool_mve_window window;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t row = (oy * p->stride_h) - p->pad_top;
                const int32_t taps = mcuq_pool_mve_inside(&window, &shape, x, row, (ox * p->stride_w) - p->pad_left);
                window.y = y;
                mcuq_average_pool_s8_mve_pixel(p, &window, taps);
                y = &y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
