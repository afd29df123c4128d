/*
 * Depthwise convolution, int8, weights of four bits.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_W4_H
#define MCUQ_DEPTHWISE_CONV2D_S8_W4_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"
#include "mcuq_weight4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], weights [kernel_h][kernel_w][out_c] as mcuq_weight4.h reads them, bias, multiplier
 * and shift [out_c], y [n][out_h][out_w][out_c]; out_c is in_c * per_channel.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t per_channel;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_depthwise_conv2d_s8_w4_params;

/* The sum of products of output channel m: x is its input channel, the window starts at row and column. */
MCUQ_KERNEL int32_t mcuq_depthwise_conv2d_s8_w4_window(const mcuq_depthwise_conv2d_s8_w4_params *p, const int8_t *x,
                                                  int32_t m, int32_t first_row, int32_t first_col)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        if ((row < 0) || (row >= p->in_h)) {
            continue; /* outside the image: real zero */
        }
        for (int32_t j = 0; j < p->kernel_w; j++) {
            const int32_t col = first_col + (j * p->dilation_w);
            if ((col >= 0) && (col < p->in_w)) {
                const int32_t value = x[((row * p->in_w) + col) * p->in_c] - p->x_zero_point;
                sum += value * mcuq_weight4(p->weights, (((i * p->kernel_w) + j) * p->out_c) + m);
            }
        }
    }
    return sum;
}

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * Output channel m reads input channel m / per_channel. Taps outside the image add 0. x and y do not
 * overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_w4(const mcuq_depthwise_conv2d_s8_w4_params *p, const int8_t *restrict x,
                                        int8_t *restrict y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t row = (oy * p->stride_h) - p->pad_top;
                const int32_t col = (ox * p->stride_w) - p->pad_left;
                for (int32_t m = 0; m < p->out_c; m++) {
                    const int8_t *channel = &x[m / p->per_channel];
                    const int32_t sum =
                        p->bias[m] + mcuq_depthwise_conv2d_s8_w4_window(p, channel, m, row, col);
                    const int32_t value = mcuq_requantize(sum, p->multiplier[m], p->shift[m]);
                    *y = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
                    y++;
                }
            }
        }
        x = &x[p->in_h * p->in_w * p->in_c];
    }
}

#endif
