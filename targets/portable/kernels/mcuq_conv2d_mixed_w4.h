/*
 * Convolutions, dense or grouped, whose input or output is int16, weights of four bits: four channels at a time.
 */
#ifndef MCUQ_CONV2D_MIXED_W4_H
#define MCUQ_CONV2D_MIXED_W4_H

#include "mcuq_conv2d_mixed.h"
#include "mcuq_mixed_w4.h"

/*
 * Shapes: as for mcuq_conv2d_mixed, but for weights: of each group, its channels by fours as
 * [kernel_h][kernel_w][in_c / groups][2], the first of two in a byte in its low bits, channels of zeros filling up a
 * group's last four.
 */
typedef mcuq_conv2d_mixed_params mcuq_conv2d_mixed_w4_params;

/* The sums of products of four channels of one window: image x, their weights w, the window's first row and column. */
MCUQ_INLINE void mcuq_conv2d_mixed_w4_window(const mcuq_conv2d_mixed_w4_params *p, const void *x, const int8_t *w,
                                             int32_t first_row, int32_t first_col, int32_t is_wide, int64_t *sums)
{
    const int32_t depth = p->in_c / p->groups;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        for (int32_t j = 0; j < p->kernel_w; j++) {
            const int32_t col = first_col + (j * p->dilation_w);
            /* Outside the image is real zero. */
            if ((row >= 0) && (row < p->in_h) && (col >= 0) && (col < p->in_w)) {
                mcuq_mixed_w4_dot(mcuq_mixed_at(x, ((row * p->in_w) + col) * p->in_c, is_wide), w, depth,
                                  p->x_zero_point, is_wide, sums);
            }
            w = &w[2 * depth];
        }
    }
}

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * Taps outside the image add 0. x and y are int16 or int8, as is said of each. No overlap. No sum leaves its type:
 * proved by the model's compiler.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_w4(const mcuq_conv2d_mixed_w4_params *p, const void *x, int32_t is_x_wide, void *y,
                                      int32_t is_y_wide)
{
    const mcuq_mixed_w4_channels to = {
        {p->y_zero_point, p->lo, p->hi, p->is_long}, p->bias, p->multiplier, p->shift};
    const int32_t depth = p->in_c / p->groups;
    const int32_t filters = p->out_c / p->groups;
    const int32_t pixels = p->out_h * p->out_w;
    for (int32_t pixel = 0; pixel < (p->n * pixels); pixel++) {
        const int32_t row = (((pixel % pixels) / p->out_w) * p->stride_h) - p->pad_top;
        const int32_t col = ((pixel % p->out_w) * p->stride_w) - p->pad_left;
        const void *const image = mcuq_mixed_at(x, (pixel / pixels) * p->in_h * p->in_w * p->in_c, is_x_wide);
        const int8_t *w = p->weights;
        for (int32_t m = 0; m < p->out_c;) {
            const int32_t group = m / filters;
            const int32_t left = ((group + 1) * filters) - m;
            const int32_t channels = (left < 4) ? left : 4;
            int64_t sums[4] = {0, 0, 0, 0};
            mcuq_conv2d_mixed_w4_window(p, mcuq_mixed_at(image, group * depth, is_x_wide), w, row, col, is_x_wide,
                                        sums);
            mcuq_mixed_w4_put(&to, m, channels, sums, y, (pixel * p->out_c) + m, is_y_wide);
            w = &w[2 * p->kernel_h * p->kernel_w * depth];
            m += channels;
        }
    }
}

#endif
