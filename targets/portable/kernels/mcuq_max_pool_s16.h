/*
 * Maximum over a window, int16.
 */
#ifndef MCUQ_MAX_POOL_S16_H
#define MCUQ_MAX_POOL_S16_H

#include "mcuq_wide.h"

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
} mcuq_max_pool_s16_params;

/* The largest code of one window; x is the channel's first element. */
MCUQ_KERNEL int32_t mcuq_max_pool_s16_window(const mcuq_max_pool_s16_params *p, const mcuq_int16 *x, int32_t first_row,
                                       int32_t first_col)
{
    int32_t largest = -32768;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        if ((row < 0) || (row >= p->in_h)) {
            continue; /* outside the image: takes no part */
        }
        for (int32_t j = 0; j < p->kernel_w; j++) {
            const int32_t col = first_col + (j * p->dilation_w);
            if ((col >= 0) && (col < p->in_w)) {
                const int32_t value = x[((row * p->in_w) + col) * p->channels];
                largest = (value > largest) ? value : largest;
            }
        }
    }
    return largest;
}

/* y = max over the window of x, codes of one scale. x and y do not overlap. */
MCUQ_CALLED void mcuq_max_pool_s16(const mcuq_max_pool_s16_params *p, const mcuq_int16 *restrict x,
                                   mcuq_int16 *restrict y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t row = (oy * p->stride_h) - p->pad_top;
                const int32_t col = (ox * p->stride_w) - p->pad_left;
                for (int32_t c = 0; c < p->channels; c++) {
                    *y = (int16_t)mcuq_max_pool_s16_window(p, &x[c], row, col);
                    y++;
                }
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
