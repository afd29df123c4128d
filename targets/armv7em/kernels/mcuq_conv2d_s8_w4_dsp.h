/*
 * Convolution as a matrix product, int8, weights of four bits of four channels in one halfword, for cores with DSP
 * instructions.
 */
#ifndef MCUQ_CONV2D_S8_W4_DSP_H
#define MCUQ_CONV2D_S8_W4_DSP_H

#include "mcuq_conv2d_s8_paired.h"
#include "mcuq_gemm_4x2_w4.h"

/*
 * Shapes: as for mcuq_conv2d_s8_paired, but for weights [out_c / 4][wide_c / 4][8]: halfwords as mcuq_gemm_w4.h says
 * of codes 0 and 2, then of 1 and 3 of four.
 */
typedef mcuq_conv2d_s8_paired_params mcuq_conv2d_s8_w4_dsp_params;

/* The channels behind the last four of `count` (1 or 2) pixels, by way of a block; then all limited. */
MCUQ_KERNEL void mcuq_conv2d_s8_w4_dsp_finish(const mcuq_conv2d_s8_w4_dsp_params *p, const mcuq_gemm_4x2_w4_walk *walk,
                                              int8_t *y, int32_t count)
{
    const int32_t fours = p->out_c / 4;
    const int32_t rest = p->out_c % 4;
    if (rest > 0) {
        int8_t codes[8];
        mcuq_gemm_4x2_w4_walk last = *walk;
        last.y = codes;
        last.stride = (count == 2) ? 4 : 0;
        last.weights = &p->weights[2 * fours * p->wide_c];
        last.channels = &p->channels[p->last];
        last.groups = 1;
        if (last.channels[0] < 0) {
            mcuq_gemm_4x2_w4_odd(&last);
        } else {
            mcuq_gemm_4x2_w4(&last);
        }
        for (int32_t i = 0; i < count; i++) {
            for (int32_t c = 0; c < rest; c++) {
                y[(i * p->out_c) + (4 * fours) + c] = codes[(4 * i) + c];
            }
        }
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        for (int32_t i = 0; i < (count * p->out_c); i++) {
            y[i] = mcuq_clamp(y[i], p->lo, p->hi);
        }
    }
}

/* All fours of channels, those whose weights lie near first: as many as have a form at once, odd ones one by one. */
MCUQ_KERNEL void mcuq_conv2d_s8_w4_dsp_fours(const mcuq_conv2d_s8_w4_dsp_params *p, const mcuq_gemm_4x2_w4_walk *walk)
{
    mcuq_gemm_4x2_w4_walk part = *walk;
    for (int32_t at = 0; at < walk->groups; at += part.groups) {
        const int32_t is_near = (at < p->near_groups);
        const int32_t most = ((is_near != 0) ? p->near_groups : walk->groups) - at;
        part.weights = &((is_near != 0) ? p->near_weights : walk->weights)[2 * at * p->wide_c];
        part.y = &walk->y[4 * at];
        const int32_t *next = NULL;
        part.groups = mcuq_gemm_paired_run(part.channels, most, &next);
        if (part.groups > 0) {
            mcuq_gemm_4x2_w4(&part);
        } else {
            part.groups = 1;
            mcuq_gemm_4x2_w4_odd(&part);
            next = &part.channels[-part.channels[0]];
        }
        part.channels = next;
    }
}

/* All channels of `count` (1 or 2) pixels whose windows walk->x holds. */
static inline void mcuq_conv2d_s8_w4_dsp_pixels(const mcuq_conv2d_s8_w4_dsp_params *p, mcuq_gemm_4x2_w4_walk *walk,
                                                int32_t count, int32_t is_plain)
{
    int8_t *const y = walk->y;
    walk->stride = (count == 2) ? p->out_c : 0;
    walk->begin[0] = mcuq_gemm_w4_begin(walk->x, p->wide_c / 2, 2);
    walk->begin[1] = (count == 2) ? mcuq_gemm_w4_begin(&walk->x[1], p->wide_c / 2, 2) : 0;
    if (is_plain != 0) {
        mcuq_gemm_4x2_w4(walk);
    } else {
        mcuq_conv2d_s8_w4_dsp_fours(p, walk);
        mcuq_conv2d_s8_w4_dsp_finish(p, walk, y, count);
    }
    walk->y = &y[count * p->out_c];
}

/* A row of outputs whose windows begin in `row` of x. Returns how many pixels wait for a second, 0 or 1. */
MCUQ_KERNEL int32_t mcuq_conv2d_s8_w4_dsp_row(const mcuq_conv2d_s8_w4_dsp_params *p, mcuq_gemm_4x2_w4_walk *walk,
                                              mcuq_word *columns, int32_t lane, const int8_t *x, int32_t row)
{
    int8_t *const line = (int8_t *)(void *)&columns[p->wide_c];
    const int32_t last = mcuq_conv2d_s8_paired_last(p, row);
    const int32_t is_whole = ((p->out_c % 4) == 0) && (p->lo == -128) && (p->hi == 127);
    const int32_t is_plain = (is_whole != 0) && (p->near_groups == 0) && (p->has_odd == 0);
    const int32_t step = p->stride_w * p->in_c;
    const mcuq_gemm_4x2_x_rows two = {
        .count = p->row_c,
        .skip = (p->in_w * p->in_c) - p->row_c,
        .rows = p->kernel_h,
        .step = step,
        .line = ((p->row_c % 4) == 0) ? NULL : line,
        .wide = p->wide_c,
    };
    mcuq_gemm_4x2_x_rows one = two;
    one.step = 0;
    const int8_t *const first = (last >= 0) ? &x[row * p->in_w * p->in_c] : x;
    int32_t from = -p->pad_left * p->in_c;
    for (int32_t ox = 0; ox < p->out_w; ox++) {
        if ((from < 0) || (from > last)) {
            mcuq_conv2d_s8_paired_window(p, &columns[lane], x, row, (ox * p->stride_w) - p->pad_left, line);
        } else if ((lane == 0) && ((ox + 1) < p->out_w) && ((from + step) <= last)) {
            mcuq_gemm_4x2_x_expand(columns, &first[from], &two);
            from += step;
            ox++;
            lane = 1;
        } else {
            mcuq_gemm_4x2_x_expand(&columns[lane], &first[from], &one);
        }
        from += step;
        if (lane == 1) {
            mcuq_conv2d_s8_w4_dsp_pixels(p, walk, 2, is_plain);
        }
        lane = 1 - lane;
    }
    return lane;
}

/* One image: two pixels at a time, the last by itself where their number is odd. */
MCUQ_KERNEL void mcuq_conv2d_s8_w4_dsp_image(const mcuq_conv2d_s8_w4_dsp_params *p, const int8_t *x, int8_t *y,
                                             mcuq_word *columns)
{
    mcuq_gemm_4x2_w4_walk walk = {
        .channels = p->channels,
        .groups = p->out_c / 4,
        .y = y,
        .weights = p->weights,
    };
    int32_t lane = 0;
    mcuq_gemm_4x2_w4_start(&walk, columns, p->wide_c);
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        lane = mcuq_conv2d_s8_w4_dsp_row(p, &walk, columns, lane, x, (oy * p->stride_h) - p->pad_top);
    }
    if (lane == 1) {
        mcuq_conv2d_s8_w4_dsp_pixels(p, &walk, 1, 0);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: 4 * wide_c bytes, aligned to 4, and wide_c + 16 behind them where in_c is no multiple of 4; it overlaps
 * nothing.
 * y may overlap x where nothing is read any more: two pixels' windows are read before these pixels are written.
 */
MCUQ_CALLED void mcuq_conv2d_s8_w4_dsp(const mcuq_conv2d_s8_w4_dsp_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    mcuq_word *const columns = (mcuq_word *)(void *)scratch;
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_conv2d_s8_w4_dsp_image(p, x, y, columns);
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
