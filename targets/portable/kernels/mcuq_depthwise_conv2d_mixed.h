/*
 * Depthwise convolutions whose input or output is int16.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_MIXED_H
#define MCUQ_DEPTHWISE_CONV2D_MIXED_H

#include "mcuq_mixed.h"
#include "mcuq_weight4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], weights [kernel_h][kernel_w][out_c], bias, multiplier and shift [out_c],
 * y [n][out_h][out_w][out_c]; out_c is in_c * per_channel. is_long: as in mcuq_mixed.h.
 * Weights of four bits lie two in a byte, as mcuq_weight4.h reads them.
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
    int32_t is_long;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_depthwise_conv2d_mixed_params;

/* The sum of products of output channel m: x is its input channel, the window starts at row and column. */
MCUQ_INLINE int64_t mcuq_depthwise_conv2d_mixed_window(const mcuq_depthwise_conv2d_mixed_params *p, const void *x,
                                                       int32_t m, int32_t first_row, int32_t first_col,
                                                       int32_t is_wide, int32_t is_narrow)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        if ((row < 0) || (row >= p->in_h)) {
            continue; /* outside the image: real zero */
        }
        for (int32_t j = 0; j < p->kernel_w; j++) {
            const int32_t col = first_col + (j * p->dilation_w);
            if ((col >= 0) && (col < p->in_w)) {
                const int32_t code = mcuq_mixed_code(x, ((row * p->in_w) + col) * p->in_c, is_wide);
                const int32_t at = (((i * p->kernel_w) + j) * p->out_c) + m;
                const int32_t weight = (is_narrow != 0) ? mcuq_weight4(p->weights, at) : p->weights[at];
                sum += (code - p->x_zero_point) * weight;
            }
        }
    }
    return sum;
}

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * Output channel m reads input channel m / per_channel. Taps outside the image add 0. x and y are int16 or int8, as
 * is said of each; is_narrow: 1 for weights of four bits. No overlap. No sum leaves its type: proved by the model's
 * compiler.
 */
MCUQ_INLINE void mcuq_depthwise_conv2d_mixed(const mcuq_depthwise_conv2d_mixed_params *p, const void *x,
                                             int32_t is_x_wide, void *y, int32_t is_y_wide, int32_t is_narrow)
{
    const mcuq_mixed_end end = {p->y_zero_point, p->lo, p->hi, p->is_long};
    int32_t place = 0;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t pixel = 0; pixel < (p->out_h * p->out_w); pixel++) {
            const int32_t row = ((pixel / p->out_w) * p->stride_h) - p->pad_top;
            const int32_t col = ((pixel % p->out_w) * p->stride_w) - p->pad_left;
            for (int32_t m = 0; m < p->out_c; m++) {
                const void *channel = mcuq_mixed_at(x, m / p->per_channel, is_x_wide);
                const int64_t sum =
                    p->bias[m] + mcuq_depthwise_conv2d_mixed_window(p, channel, m, row, col, is_x_wide, is_narrow);
                mcuq_mixed_put(end, y, place, sum, p->multiplier[m], p->shift[m], is_y_wide);
                place++;
            }
        }
        x = mcuq_mixed_at(x, p->in_h * p->in_w * p->in_c, is_x_wide);
    }
}

#endif
