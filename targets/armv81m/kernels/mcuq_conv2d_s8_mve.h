/*
 * Convolution as a matrix product, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_CONV2D_S8_MVE_H
#define MCUQ_CONV2D_S8_MVE_H

#include "mcuq_gemm_mve.h"
#include "mcuq_rows_mve.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. Per group of depth = in_c / groups and filters =
 * out_c / groups: weights and channels as mcuq_gemm_mve reads them, the input's zero point folded into the biases;
 * weights_step and channels_step elements lie between two groups. A window's taps follow each other, channels last.
 * is_whole: such codes lie together in x wherever the window does not leave the image. is_narrow:
 * weights of four bits.
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
    int32_t has_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_conv2d_s8_mve_params;

/* Where the windows of a row of outputs begin in x, and which of their rows lie in the image: [top, bottom). */
typedef struct {
    const int8_t *x;
    int32_t row;
    int32_t top;
    int32_t bottom;
    int8_t *patches[2];
    mcuq_rows_mve_shape whole;
} mcuq_conv2d_s8_mve_row;

/* The codes of a window that leaves the image, or of one whose taps have others between them. */
MCUQ_KERNEL void mcuq_conv2d_s8_mve_edge(const mcuq_conv2d_s8_mve_params *p, const mcuq_conv2d_s8_mve_row *r,
                                         int32_t col, int8_t *patch)
{
    const int32_t depth = p->depth;
    const int32_t left = mcuq_rows_mve_first(col, p->dilation_w);
    const int32_t right = mcuq_rows_mve_last(col, p->in_w, p->dilation_w, p->kernel_w);
    const int32_t is_dense = (p->groups == 1) && (p->dilation_w == 1);
    const int32_t line = p->kernel_w * depth;
    mcuq_rows_mve_shape shape = {
        .count = depth, .from_step = p->dilation_w * p->in_c, .to_step = depth, .rows = right - left};
    if (is_dense != 0) {
        shape.count = (right - left) * depth;
        shape.rows = 1;
    }
    mcuq_rows_mve_fill(patch, p->x_zero_point, p->kernel_h * line);
    if (left < right) {
        for (int32_t i = r->top; i < r->bottom; i++) {
            const int32_t at = ((r->row + (i * p->dilation_h)) * p->in_w) + col + (left * p->dilation_w);
            mcuq_rows_mve(&patch[(i * line) + (left * depth)], &r->x[at * p->in_c], &shape);
        }
    }
}

/* One group of an image: two pixels at a time, the last by itself where their number is odd. */
MCUQ_KERNEL void mcuq_conv2d_s8_mve_group(const mcuq_conv2d_s8_mve_params *p, mcuq_gemm_mve_walk *walk,
                                          mcuq_conv2d_s8_mve_row *r)
{
    const int32_t last = ((p->groups == 1) && (p->dilation_w == 1)) ? (p->in_w - p->kernel_w) : -1;
    const int8_t *codes[2];
    int32_t lane = 0;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        r->row = (oy * p->stride_h) - p->pad_top;
        r->top = mcuq_rows_mve_first(r->row, p->dilation_h);
        r->bottom = mcuq_rows_mve_last(r->row, p->in_h, p->dilation_h, p->kernel_h);
        const int32_t inside = ((r->top == 0) && (r->bottom == p->kernel_h)) ? last : -1;
        int32_t col = -p->pad_left;
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            codes[lane] = r->patches[lane];
            if ((col < 0) || (col > inside)) {
                mcuq_conv2d_s8_mve_edge(p, r, col, r->patches[lane]);
            } else if (p->is_whole != 0) {
                codes[lane] = &r->x[((r->row * p->in_w) + col) * p->in_c];
            } else {
                mcuq_rows_mve(r->patches[lane], &r->x[((r->row * p->in_w) + col) * p->in_c], &r->whole);
            }
            if (lane == 1) {
                walk->x0 = codes[0];
                walk->x1 = codes[1];
                mcuq_gemm_mve(walk);
                walk->y = &walk->y[2 * p->out_c];
                walk->y_end = &walk->y_end[2 * p->out_c];
            }
            lane = 1 - lane;
            col += p->stride_w;
        }
    }
    if (lane == 1) {
        walk->x0 = codes[0];
        walk->x1 = codes[0];
        walk->y_step = 0;
        mcuq_gemm_mve(walk);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: the codes of two windows, none where is_whole and no window leaves the image; it overlaps nothing. y may
 * overlap x where nothing is read any more: two pixels' windows are read before these pixels are written, or while they
 * are where is_whole; of several groups all of x is.
 */
MCUQ_CALLED void mcuq_conv2d_s8_mve(const mcuq_conv2d_s8_mve_params *p, const int8_t *x, int8_t *y, int8_t *scratch)
{
    const int32_t codes = p->kernel_h * p->kernel_w * p->depth;
    const int32_t line = p->kernel_w * p->depth;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t group = 0; group < p->groups; group++) {
            mcuq_gemm_mve_walk walk = {
                .chunks = mcuq_gemm_mve_chunks(codes, p->is_narrow),
                .rest = codes % 16,
                .y_zero_point = p->y_zero_point,
                .y_step = p->out_c,
                .y_end = &y[(group + 1) * p->filters],
                .has_left = p->has_left,
                .y = &y[group * p->filters],
                .channels = &p->channels[group * p->channels_step],
                .weights = &p->weights[group * p->weights_step],
                .lo = p->lo,
                .hi = p->hi,
            };
            mcuq_conv2d_s8_mve_row row = {
                .x = &x[group * p->depth],
                .patches = {scratch, &scratch[codes]},
                .whole = {.count = line,
                          .from_step = p->dilation_h * p->in_w * p->in_c,
                          .to_step = line,
                          .rows = p->kernel_h},
            };
            mcuq_conv2d_s8_mve_group(p, &walk, &row);
        }
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
