/*
 * Convolutions as matrix products whose input or output is int16, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_CONV2D_MIXED_MVE_H
#define MCUQ_CONV2D_MIXED_MVE_H

#include "mcuq_gemm_mixed_mve.h"
#include "mcuq_windows_mve.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. Per group of depth = in_c / groups and filters =
 * out_c / groups: weights and channels as mcuq_gemm_mve.h or, for x of int16, mcuq_gemm_s16_mve.h reads them, the
 * input's zero point folded into the biases; weights_step and channels_step elements lie between two groups. is_whole:
 * as in mcuq_windows_mve.h. is_narrow: weights of four bits. is_long: as in mcuq_mixed.h. is_slow: that, or values are
 * rounded once.
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
    int32_t depth;
    int32_t filters;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t is_whole;
    int32_t weights_step;
    int32_t channels_step;
    int32_t is_narrow;
    int32_t is_slow;
    int32_t is_long;
    int32_t has_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_conv2d_mixed_mve_params;

/* One group of an image, x its first code: two pixels at a time, the last by itself where their number is odd. */
MCUQ_INLINE void mcuq_conv2d_mixed_mve_group(const mcuq_conv2d_mixed_mve_params *p, mcuq_gemm_mve_walk *walk,
                                             const int8_t *x, int32_t is_x_wide, int32_t is_y_wide, int8_t *scratch)
{
    const int32_t size = (is_x_wide != 0) ? 2 : 1;
    const int32_t line = p->out_c * ((is_y_wide != 0) ? 2 : 1);
    const int32_t pixels = p->out_h * p->out_w;
    const mcuq_windows_mve_shape shape = {
        .in_h = p->in_h,
        .in_w = p->in_w,
        .out_w = p->out_w,
        .kernel_h = p->kernel_h,
        .kernel_w = p->kernel_w,
        .stride_h = p->stride_h,
        .stride_w = p->stride_w,
        .dilation_h = p->dilation_h,
        .dilation_w = p->dilation_w,
        .pad_top = p->pad_top,
        .pad_left = p->pad_left,
        .pixel_bytes = p->in_c * size,
        .tap_bytes = p->depth * size,
        .is_dense = (p->groups == 1) ? 1 : 0,
        .is_whole = p->is_whole,
        .outside = p->x_zero_point, /* of int16 0 */
    };
    mcuq_windows_mve at = {.x = x};
    mcuq_windows_mve_row(&shape, &at, -p->pad_top);
    for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        walk->x0 = mcuq_windows_mve_next(&shape, &at, scratch);
        walk->x1 = walk->x0;
        walk->y_step = 0;
        if ((pixel + 1) < pixels) {
            walk->x1 = mcuq_windows_mve_next(&shape, &at, &scratch[p->kernel_h * p->kernel_w * shape.tap_bytes]);
            walk->y_step = line;
        }
        mcuq_gemm_mixed_mve(walk, is_x_wide, is_y_wide, p->is_slow, p->is_long);
        walk->y = &walk->y[2 * line];
        walk->y_end = &walk->y_end[2 * line];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * x and y are int16 or int8, as is said of each. scratch: the codes of two windows, none where is_whole and no window
 * leaves the image; it overlaps nothing. y may overlap x where nothing is read any more: two pixels' windows are read
 * before these pixels are written, or while they are where is_whole; of several groups all of x is.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_mve(const mcuq_conv2d_mixed_mve_params *p, const void *x, int32_t is_x_wide, void *y,
                                       int32_t is_y_wide, int8_t *scratch)
{
    const int32_t x_size = (is_x_wide != 0) ? 2 : 1;
    const int32_t y_size = (is_y_wide != 0) ? 2 : 1;
    const int8_t *from = x;
    int8_t *to = y;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t group = 0; group < p->groups; group++) {
            mcuq_gemm_mve_walk walk = {
                .y_zero_point = p->y_zero_point,
                .y_end = &to[(group + 1) * p->filters * y_size],
                .has_left = p->has_left,
                .y = &to[group * p->filters * y_size],
                .channels = &p->channels[group * p->channels_step],
                .weights = &p->weights[group * p->weights_step],
                .lo = p->lo,
                .hi = p->hi,
            };
            mcuq_gemm_mixed_mve_codes(&walk, p->kernel_h * p->kernel_w * p->depth, is_x_wide, p->is_narrow);
            mcuq_conv2d_mixed_mve_group(p, &walk, &from[group * p->depth * x_size], is_x_wide, is_y_wide, scratch);
        }
        from = &from[p->in_h * p->in_w * p->in_c * x_size];
        to = &to[p->out_h * p->out_w * p->out_c * y_size];
    }
}

#endif
