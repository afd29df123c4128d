/*
 * Maximum over a window, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_MAX_POOL_S8_MVE_H
#define MCUQ_MAX_POOL_S8_MVE_H

#include "mcuq_pool_mve.h"

/* Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]. */
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
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
} mcuq_max_pool_s8_mve_params;

/*
 * y = max over the window of x, codes of one scale; -128 where none is in the image.
 *
 * y may overlap x a multiple of `channels` codes away where nothing is read any more: pixel by
 * pixel, each channel is read before it is written.
 */
MCUQ_CALLED void mcuq_max_pool_s8_mve(const mcuq_max_pool_s8_mve_params *p, const int8_t *x, int8_t *y)
{
    const mcuq_pool_mve_shape shape = {p->in_h,     p->in_w,       p->channels,  p->kernel_h,
                                       p->kernel_w, p->dilation_h, p->dilation_w};
    mcuq_pool_mve_window window;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t row = (oy * p->stride_h) - p->pad_top;
                if (mcuq_pool_mve_inside(&window, &shape, x, row, (ox * p->stride_w) - p->pad_left) > 0) {
                    window.y = y;
                    mcuq_pool_mve_max(&window);
                } else {
                    mcuq_rows_mve_fill(y, -128, p->channels);
                }
                y = &y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
