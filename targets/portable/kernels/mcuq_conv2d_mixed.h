/*
 * Convolutions, dense or grouped, whose input or output is int16.
 */
#ifndef MCUQ_CONV2D_MIXED_H
#define MCUQ_CONV2D_MIXED_H

#include "mcuq_mixed.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], weights [out_c][kernel_h][kernel_w][in_c / groups],
 * bias, multiplier and shift [out_c], y [n][out_h][out_w][out_c]. is_long: as in mcuq_mixed.h.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t groups;
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
} mcuq_conv2d_mixed_params;

/* The sum of products of one output: image x, the filter w, the window's first row and column. */
MCUQ_INLINE int64_t mcuq_conv2d_mixed_window(const mcuq_conv2d_mixed_params *p, const void *x, const int8_t *w,
                                             int32_t first_row, int32_t first_col, int32_t is_wide)
{
    const int32_t depth = p->in_c / p->groups;
    int64_t sum = 0;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        if ((row < 0) || (row >= p->in_h)) {
            continue; /* outside the image: real zero */
        }
        for (int32_t j = 0; j < p->kernel_w; j++) {
            const int32_t col = first_col + (j * p->dilation_w);
            if ((col < 0) || (col >= p->in_w)) {
                continue;
            }
            sum += mcuq_mixed_dot(mcuq_mixed_at(x, ((row * p->in_w) + col) * p->in_c, is_wide),
                                  &w[((i * p->kernel_w) + j) * depth], depth, p->x_zero_point, is_wide);
        }
    }
    return sum;
}

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * Taps outside the image add 0. x and y are int16 or int8, as is said of each. No overlap. No sum leaves its type:
 * proved by the model's compiler.
 */
MCUQ_INLINE void mcuq_conv2d_mixed(const mcuq_conv2d_mixed_params *p, const void *x, int32_t is_x_wide, void *y,
                                   int32_t is_y_wide)
{
    const mcuq_mixed_end end = {p->y_zero_point, p->lo, p->hi, p->is_long};
    const int32_t depth = p->in_c / p->groups;
    const int32_t filters = p->out_c / p->groups;
    const int32_t taps = p->kernel_h * p->kernel_w * depth;
    int32_t place = 0;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t pixel = 0; pixel < (p->out_h * p->out_w); pixel++) {
            const int32_t row = ((pixel / p->out_w) * p->stride_h) - p->pad_top;
            const int32_t col = ((pixel % p->out_w) * p->stride_w) - p->pad_left;
            for (int32_t m = 0; m < p->out_c; m++) {
                const void *group = mcuq_mixed_at(x, (m / filters) * depth, is_x_wide);
                const int64_t sum =
                    p->bias[m] + mcuq_conv2d_mixed_window(p, group, &p->weights[m * taps], row, col, is_x_wide);
                mcuq_mixed_put(end, y, place, sum, p->multiplier[m], p->shift[m], is_y_wide);
                place++;
            }
        }
        x = mcuq_mixed_at(x, p->in_h * p->in_w * p->in_c, is_x_wide);
    }
}

#endif
