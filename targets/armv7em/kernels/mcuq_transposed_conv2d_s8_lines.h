/*
 * Transposed convolution along lines, int8, for cores with DSP instructions.
 *
 * Outputs that lie a stride apart meet the same taps, at inputs next to each other: each such class is a convolution
 * of stride 1 with some of the filter's taps, the last of them first.
 */
#ifndef MCUQ_TRANSPOSED_CONV2D_S8_LINES_H
#define MCUQ_TRANSPOSED_CONV2D_S8_LINES_H

#include "mcuq_lines.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], weights [out_c][kernel_h][kernel_w][depth], y [n][out_h][out_w][out_c]; a group has
 * depth channels of x and `filters` of y. From one tap that meets an input to the next one are tap_step_* taps, and
 * back_step_h rows backwards, or one column.
 * border: codes in front of a line. line: codes of one, with as many as windows reach over behind. words: of the
 * scratch buffer. bias, multiplier and right [out_c], the latter as mcuq_channel_dsp.h says; the input's zero point is
 * not folded in, since outputs of different classes meet different taps.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
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
    int32_t tap_step_h;
    int32_t tap_step_w;
    int32_t back_step_h;
    int32_t border;
    int32_t line;
    int32_t words;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *right;
} mcuq_transposed_conv2d_s8_lines_params;

/* The taps along an axis that a class meets: the first one, how many, and where the first output meets it. */
typedef struct {
    int32_t tap;
    int32_t count;
    int32_t at;
} mcuq_transposed_conv2d_s8_lines_class;

/* place: of the class' first output among all sums. */
MCUQ_KERNEL mcuq_transposed_conv2d_s8_lines_class
mcuq_transposed_conv2d_s8_lines_meet(int32_t place, int32_t stride, int32_t dilation, int32_t taps, int32_t tap_step)
{
    mcuq_transposed_conv2d_s8_lines_class found = {0, 0, 0};
    for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t from = place - (tap * dilation);
        if ((from % stride) == 0) {
            found.tap = tap;
            found.count = ((taps - tap) + (tap_step - 1)) / tap_step;
            found.at = from / stride;
            break;
        }
    }
    return found;
}

/*
 * Weights of a filter w at the taps of two classes as pairs of halves: rows in the order of their places, those of a
 * row from the last tap on; a row or column without taps is one of zeros. Returns the sum of the weights.
 */
MCUQ_KERNEL int32_t mcuq_transposed_conv2d_s8_lines_weights(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                            const int8_t *w,
                                                            const mcuq_transposed_conv2d_s8_lines_class *rows,
                                                            const mcuq_transposed_conv2d_s8_lines_class *cols,
                                                            mcuq_line *to)
{
    int32_t sum = 0;
    const int32_t height = (rows->count > 0) ? rows->count : 1;
    const int32_t width = ((cols->count > 0) && (rows->count > 0)) ? cols->count : 0;
    const int32_t wide = (cols->count > 0) ? ((cols->count + 1) & ~1) : 2;
    for (int32_t c = 0; c < p->depth; c++) {
        for (int32_t i = 0; i < height; i++) {
            const int32_t row = (rows->tap + (i * p->tap_step_h)) * p->kernel_w;
            for (int32_t j = 0; j < width; j++) {
                const int32_t tap = cols->tap + ((width - 1 - j) * p->tap_step_w);
                to[j] = w[((row + tap) * p->depth) + c];
                sum += to[j];
            }
            for (int32_t j = width; j < wide; j++) {
                to[j] = 0;
            }
            to = &to[wide];
        }
    }
    return sum;
}

/* What lies in the scratch buffer: weights, places of rows, and lines; behind those of a channel one of zero points. */
typedef struct {
    mcuq_word *w;
    mcuq_place *rows;
    mcuq_line *lines;
    int32_t lane;
} mcuq_transposed_conv2d_s8_lines_state;

/* Where the rows of a class' taps begin, for each of `height` rows of outputs. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_places(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                        const mcuq_transposed_conv2d_s8_lines_state *s,
                                                        const mcuq_transposed_conv2d_s8_lines_class *rows,
                                                        int32_t height)
{
    const int32_t taps = (rows->count > 0) ? rows->count : 1;
    mcuq_place *to = s->rows;
    for (int32_t q = 0; q < height; q++) {
        for (int32_t c = 0; c < p->depth; c++) {
            for (int32_t i = 0; i < taps; i++) {
                const int32_t row = rows->at + q - (i * p->back_step_h);
                const int32_t slot = ((row >= 0) && (row < p->in_h)) ? row : p->in_h;
                *to = 2 * ((c * s->lane) + (slot * p->line));
                to = &to[1];
            }
        }
    }
}

/* The outputs of output channel m whose rows and columns are of two classes; y: the first of them. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_filter(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                        const mcuq_transposed_conv2d_s8_lines_state *s,
                                                        const mcuq_transposed_conv2d_s8_lines_class *rows,
                                                        const mcuq_transposed_conv2d_s8_lines_class *cols, int32_t m,
                                                        mcuq_lines_row_walk *walk)
{
    const mcuq_lines_limits limits = {p->y_zero_point, p->lo, p->hi};
    const int8_t *const w = &p->weights[m * p->kernel_h * p->kernel_w * p->depth];
    mcuq_line *const to = (mcuq_line *)(void *)s->w;
    const int32_t sum = mcuq_transposed_conv2d_s8_lines_weights(p, w, rows, cols, to);
    walk->bias = (int32_t)((uint32_t)p->bias[m] - (uint32_t)(p->x_zero_point * sum));
    walk->multiplier = p->multiplier[m];
    walk->right = p->right[m];
    walk->offset = (walk->right <= MCUQ_CHANNEL_DSP_MOST) ? mcuq_offset_dsp(walk->right, p->y_zero_point) : 0;
    mcuq_lines_outputs(&limits, walk);
}

/* All filters of a group, from channel m of y on, for the rows of outputs from oy on that are a stride apart. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_rows(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                      const mcuq_transposed_conv2d_s8_lines_state *s, int32_t m,
                                                      int32_t oy, int8_t *y)
{
    const mcuq_transposed_conv2d_s8_lines_class rows = mcuq_transposed_conv2d_s8_lines_meet(
        oy + p->pad_top, p->stride_h, p->dilation_h, p->kernel_h, p->tap_step_h);
    const int32_t height = ((p->out_h - oy) + (p->stride_h - 1)) / p->stride_h;
    mcuq_lines_row_walk walk = {.rows = s->rows, .w = s->w, .x_step = 2, .height = height};
    walk.rows_end = &s->rows[p->depth * ((rows.count > 0) ? rows.count : 1)];
    walk.y_step = p->stride_w * p->out_c;
    walk.y_row = p->stride_h * p->out_w * p->out_c;
    mcuq_transposed_conv2d_s8_lines_places(p, s, &rows, height);
    for (int32_t ox = 0; (ox < p->stride_w) && (ox < p->out_w); ox++) {
        const mcuq_transposed_conv2d_s8_lines_class cols = mcuq_transposed_conv2d_s8_lines_meet(
            ox + p->pad_left, p->stride_w, p->dilation_w, p->kernel_w, p->tap_step_w);
        const int32_t first = (cols.count > 0) ? (cols.at - (cols.count - 1)) : 0;
        walk.pairs = (cols.count > 0) ? ((cols.count + 1) / 2) : 1;
        walk.x = (const int8_t *)(const void *)&s->lines[p->border + first];
        walk.count = ((p->out_w - ox) + (p->stride_w - 1)) / p->stride_w;
        for (int32_t i = 0; i < p->filters; i++) {
            walk.y = &y[(((oy * p->out_w) + ox) * p->out_c) + m + i];
            mcuq_transposed_conv2d_s8_lines_filter(p, s, &rows, &cols, m + i, &walk);
        }
    }
}

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * The sum is over the taps (i, j) that meet an input: row * stride_h + i * dilation_h - pad_top is the output's row,
 * columns alike. scratch: p->words words, aligned to 4. No overlap.
 */
MCUQ_CALLED void mcuq_transposed_conv2d_s8_lines(const mcuq_transposed_conv2d_s8_lines_params *p, const int8_t *x,
                                                 int8_t *y, int8_t *scratch)
{
    const int32_t taps = p->depth * ((p->kernel_h + (p->tap_step_h - 1)) / p->tap_step_h);
    const int32_t wide = (((p->kernel_w + (p->tap_step_w - 1)) / p->tap_step_w) + 1) / 2;
    const int32_t height = (p->out_h + (p->stride_h - 1)) / p->stride_h;
    mcuq_transposed_conv2d_s8_lines_state s;
    s.w = (mcuq_word *)(void *)scratch;
    s.rows = (mcuq_place *)(void *)&s.w[taps * wide];
    s.lines = (mcuq_line *)(void *)&s.rows[taps * height];
    s.lane = (p->in_h + 1) * p->line;
    mcuq_lines_fill(s.w, p->words, p->x_zero_point);
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t c = 0; c < p->in_c; c += p->depth) {
            for (int32_t row = 0; row < p->in_h; row++) {
                mcuq_lines_channels(&x[(row * p->in_w * p->in_c) + c], p->in_c, p->in_w, p->depth, s.lane,
                                    &s.lines[(row * p->line) + p->border]);
            }
            for (int32_t oy = 0; (oy < p->stride_h) && (oy < p->out_h); oy++) {
                mcuq_transposed_conv2d_s8_lines_rows(p, &s, (c / p->depth) * p->filters, oy, y);
            }
        }
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
