/*
 * Transposed convolution, dense or grouped, int8, weights of four bits.
 */
#ifndef MCUQ_TRANSPOSED_CONV2D_S8_W4_H
#define MCUQ_TRANSPOSED_CONV2D_S8_W4_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"
#include "mcuq_weight4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], weights [out_c][kernel_h][kernel_w][in_c / groups] as mcuq_weight4.h reads them,
 * bias, multiplier and shift [out_c], y [n][out_h][out_w][out_c].
 * From one tap that meets an input to the next one are tap_step taps, and back_step inputs backwards:
 * tap_step = stride / gcd(stride, dilation), back_step = dilation / gcd(stride, dilation).
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
    int32_t tap_step_h;
    int32_t tap_step_w;
    int32_t back_step_h;
    int32_t back_step_w;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_transposed_conv2d_s8_w4_params;

/* The first tap of an output's row or column that meets an input, and the index of that input. */
typedef struct {
    int32_t tap;
    int32_t at;
} mcuq_transposed_conv2d_s8_w4_meeting;

/* place: of the output among all sums; size: of the input. A tap of `taps` says that there is none. */
static inline mcuq_transposed_conv2d_s8_w4_meeting mcuq_transposed_conv2d_s8_w4_first(int32_t place, int32_t stride,
                                                                                int32_t dilation, int32_t taps,
                                                                                int32_t size)
{
    mcuq_transposed_conv2d_s8_w4_meeting first = {taps, 0};
    for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t from = place - (tap * dilation);
        if ((from >= 0) && ((from % stride) == 0) && ((from / stride) < size)) {
            first.tap = tap;
            first.at = from / stride;
            break;
        }
    }
    return first;
}

/* sum over c of (x[c] - zero_point) * weight[first + c] */
static inline int32_t mcuq_transposed_conv2d_s8_w4_dot(const int8_t *x, const int8_t *weights, int32_t first,
                                                       int32_t count, int32_t zero_point)
{
    int32_t sum = 0;
    for (int32_t c = 0; c < count; c++) {
        sum += (x[c] - zero_point) * mcuq_weight4(weights, first + c);
    }
    return sum;
}

/* The sum of products of one output: image x, the filter's first weight, the first taps that meet an input. */
MCUQ_KERNEL int32_t mcuq_transposed_conv2d_s8_w4_sum(const mcuq_transposed_conv2d_s8_w4_params *p, const int8_t *x,
                                                     int32_t first, mcuq_transposed_conv2d_s8_w4_meeting first_row,
                                                     mcuq_transposed_conv2d_s8_w4_meeting first_col)
{
    const int32_t depth = p->in_c / p->groups;
    int32_t sum = 0;
    int32_t row = first_row.at;
    for (int32_t i = first_row.tap; (i < p->kernel_h) && (row >= 0); i += p->tap_step_h) {
        int32_t col = first_col.at;
        for (int32_t j = first_col.tap; (j < p->kernel_w) && (col >= 0); j += p->tap_step_w) {
            sum += mcuq_transposed_conv2d_s8_w4_dot(&x[((row * p->in_w) + col) * p->in_c], p->weights,
                                                    first + (((i * p->kernel_w) + j) * depth), depth,
                                                    p->x_zero_point);
            col -= p->back_step_w;
        }
        row -= p->back_step_h;
    }
    return sum;
}

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * The sum is over the taps (i, j) that meet an input: row * stride_h + i * dilation_h - pad_top is the output's row,
 * columns alike. x and y do not overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_transposed_conv2d_s8_w4(const mcuq_transposed_conv2d_s8_w4_params *p, const int8_t *restrict x,
                                              int8_t *restrict y)
{
    const int32_t depth = p->in_c / p->groups;
    const int32_t filters = p->out_c / p->groups;
    const int32_t taps = p->kernel_h * p->kernel_w * depth;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            const mcuq_transposed_conv2d_s8_w4_meeting row = mcuq_transposed_conv2d_s8_w4_first(
                oy + p->pad_top, p->stride_h, p->dilation_h, p->kernel_h, p->in_h);
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const mcuq_transposed_conv2d_s8_w4_meeting col = mcuq_transposed_conv2d_s8_w4_first(
                    ox + p->pad_left, p->stride_w, p->dilation_w, p->kernel_w, p->in_w);
                for (int32_t m = 0; m < p->out_c; m++) {
                    const int32_t sum = p->bias[m] + mcuq_transposed_conv2d_s8_w4_sum(
                                                         p, &x[(m / filters) * depth], m * taps, row, col);
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
