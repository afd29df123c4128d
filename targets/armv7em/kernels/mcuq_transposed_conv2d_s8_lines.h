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
 * back_step_h rows or back_step_w columns backwards.
 * wide: channels of a line, 1, or 2 where a group has several: then the codes of two lie side by side, and a group has
 * `units` lines to a row. border: columns in front of a line. line: columns of one, with as many as windows reach over
 * behind. pairs: the most words of a filter's weights, places: the most pieces of its rows, for all rows of outputs.
 * words: of the scratch buffer. bias, multiplier and right [out_c], the latter as mcuq_channel_dsp.h says; the input's
 * zero point is not folded in, since outputs of different classes meet different taps.
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
    int32_t back_step_w;
    int32_t wide;
    int32_t units;
    int32_t border;
    int32_t line;
    int32_t pairs;
    int32_t places;
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
 * How a row of a class' taps is computed: `pieces` of `taps` each, `pairs` words of weights; where there is no tap, one
 * of zeros.
 */
typedef struct {
    int32_t taps;
    int32_t pairs;
    int32_t pieces;
} mcuq_transposed_conv2d_s8_lines_split;

/* count: of taps in a row. Those that lie next to each other are three or four to a piece, others one. */
MCUQ_KERNEL mcuq_transposed_conv2d_s8_lines_split
mcuq_transposed_conv2d_s8_lines_split_row(const mcuq_transposed_conv2d_s8_lines_params *p, int32_t count)
{
    const int32_t most = (p->back_step_w > 1) ? 1 : (5 - p->wide);
    mcuq_transposed_conv2d_s8_lines_split split = {1, 1, 1};
    if (count > 0) {
        split.pieces = (count + (most - 1)) / most;
        split.taps = (count + (split.pieces - 1)) / split.pieces;
        split.pairs = (p->wide == 2) ? split.taps : ((split.taps + 1) / 2);
    }
    return split;
}

/*
 * Weights of a filter w at the taps of two classes as pairs of halves: rows in the order of their places, those of a
 * row from the last tap on; what is left over of a piece is zeros. Returns the sum of the weights.
 */
MCUQ_KERNEL int32_t mcuq_transposed_conv2d_s8_lines_weights(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                            const int8_t *w,
                                                            const mcuq_transposed_conv2d_s8_lines_class *rows,
                                                            const mcuq_transposed_conv2d_s8_lines_class *cols,
                                                            const mcuq_transposed_conv2d_s8_lines_split *split,
                                                            mcuq_line *to)
{
    const int32_t piece = 2 * split->pairs;
    const int32_t unit = rows->count * split->pieces * piece;
    int32_t sum = 0;
    for (int32_t i = 0; i < rows->count; i++) {
        const int32_t row = (rows->tap + (i * p->tap_step_h)) * p->kernel_w;
        for (int32_t j = 0; j < cols->count; j++) {
            const int32_t tap = cols->tap + ((cols->count - 1 - j) * p->tap_step_w);
            const int8_t *const from = &w[(row + tap) * p->depth];
            mcuq_line *place =
                &to[(((i * split->pieces) + (j / split->taps)) * piece) + (p->wide * (j % split->taps))];
            for (int32_t c = 0; c < p->depth; c += 2) {
                place[0] = from[c];
                sum += from[c];
                if ((c + 1) < p->depth) {
                    place[1] = from[c + 1];
                    sum += from[c + 1];
                }
                place = &place[unit];
            }
        }
    }
    return sum;
}

/*
 * What lies in the scratch buffer: weights, places of rows, and lines; behind those of a channel one of zero points.
 * count, pieces and taps: of what the places have been made for.
 */
typedef struct {
    mcuq_word *w;
    mcuq_place *rows;
    mcuq_line *lines;
    int32_t lane;
    int32_t count;
    int32_t pieces;
    int32_t taps;
} mcuq_transposed_conv2d_s8_lines_state;

/* Where the pieces of a class' rows begin for row q of its outputs; without taps, in zero points. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_place(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                       const mcuq_transposed_conv2d_s8_lines_state *s,
                                                       const mcuq_transposed_conv2d_s8_lines_class *rows, int32_t q,
                                                       mcuq_place *first)
{
    /* Copies: a store could change what p and s point to, for all the compiler knows. */
    const int32_t code = 2 * p->wide;
    const int32_t pieces = s->pieces;
    const int32_t step = code * s->taps * p->back_step_w;
    const int32_t unit = 2 * s->lane;
    const int32_t units = (rows->count > 0) ? p->units : 1;
    const int32_t taps = (rows->count > 0) ? rows->count : 1;
    for (int32_t i = 0; i < taps; i++) {
        const int32_t row = rows->at + q - (i * p->back_step_h);
        const int32_t is_row = (rows->count > 0) && (row >= 0) && (row < p->in_h);
        int32_t place = code * ((is_row != 0) ? row : p->in_h) * p->line;
        mcuq_place *to = &first[i * pieces];
        for (int32_t left = units; left > 0; left--) {
            for (int32_t piece = 0; piece < pieces; piece++) {
                to[piece] = place + (piece * step);
            }
            place += unit;
            to = &to[taps * pieces];
        }
    }
}

/* The same for all of `height` rows, if it is not made yet. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_places(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                        mcuq_transposed_conv2d_s8_lines_state *s,
                                                        const mcuq_transposed_conv2d_s8_lines_class *rows,
                                                        const mcuq_transposed_conv2d_s8_lines_split *split,
                                                        int32_t height, int32_t wide)
{
    if ((s->count == rows->count) && (s->pieces == split->pieces) && (s->taps == split->taps)) {
        return;
    }
    s->count = rows->count;
    s->pieces = split->pieces;
    s->taps = split->taps;
    for (int32_t q = 0; q < height; q++) {
        mcuq_transposed_conv2d_s8_lines_place(p, s, rows, q, &s->rows[q * wide]);
    }
}

/* The filters of a group from channel m of y on, for outputs whose rows and columns are of two classes. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_filters(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                         mcuq_transposed_conv2d_s8_lines_state *s,
                                                         const mcuq_transposed_conv2d_s8_lines_class *rows,
                                                         const mcuq_transposed_conv2d_s8_lines_class *cols, int32_t m,
                                                         mcuq_lines_row_walk *walk)
{
    const mcuq_lines_limits limits = {p->y_zero_point, p->lo, p->hi};
    const mcuq_transposed_conv2d_s8_lines_split split = mcuq_transposed_conv2d_s8_lines_split_row(p, cols->count);
    const int32_t count = (rows->count > 0) ? (p->units * rows->count * split.pieces) : 1;
    const int32_t kernel = p->kernel_h * p->kernel_w * p->depth;
    const int32_t first = (cols->count > 0) ? (cols->at - ((cols->count - 1) * p->back_step_w)) : 0;
    int8_t *const y = walk->y;
    walk->rows_end = &s->rows[count];
    walk->taps = split.taps;
    walk->pairs = split.pairs;
    walk->x = (const int8_t *)(const void *)&s->lines[p->wide * (p->border + first)];
    mcuq_transposed_conv2d_s8_lines_places(p, s, rows, &split, walk->height, count);
    for (int32_t i = 0; i < (count * split.pairs); i++) {
        s->w[i] = 0;
    }
    for (int32_t i = m; i < (m + p->filters); i++) {
        mcuq_line *const to = (mcuq_line *)(void *)s->w;
        const int32_t sum =
            mcuq_transposed_conv2d_s8_lines_weights(p, &p->weights[i * kernel], rows, cols, &split, to);
        walk->y = &y[i];
        walk->bias = (int32_t)((uint32_t)p->bias[i] - (uint32_t)(p->x_zero_point * sum));
        walk->multiplier = p->multiplier[i];
        walk->right = p->right[i];
        walk->offset = (walk->right <= MCUQ_CHANNEL_DSP_MOST) ? mcuq_offset_dsp(walk->right, p->y_zero_point) : 0;
        mcuq_lines_outputs(&limits, walk);
    }
}

/* All filters of a group, from channel m of y on, for the rows of outputs from oy on that are a stride apart. */
MCUQ_KERNEL void mcuq_transposed_conv2d_s8_lines_rows(const mcuq_transposed_conv2d_s8_lines_params *p,
                                                      mcuq_transposed_conv2d_s8_lines_state *s, int32_t m,
                                                      int32_t oy, int8_t *y)
{
    mcuq_transposed_conv2d_s8_lines_class rows = mcuq_transposed_conv2d_s8_lines_meet(
        oy + p->pad_top, p->stride_h, p->dilation_h, p->kernel_h, p->tap_step_h);
    mcuq_lines_row_walk walk = {.rows = s->rows, .w = s->w, .x_step = 2 * p->wide};
    walk.height = ((p->out_h - oy) + (p->stride_h - 1)) / p->stride_h;
    walk.y_step = p->stride_w * p->out_c;
    walk.y_row = p->stride_h * p->out_w * p->out_c;
    s->count = -1;
    for (int32_t ox = 0; (ox < p->stride_w) && (ox < p->out_w); ox++) {
        mcuq_transposed_conv2d_s8_lines_class cols = mcuq_transposed_conv2d_s8_lines_meet(
            ox + p->pad_left, p->stride_w, p->dilation_w, p->kernel_w, p->tap_step_w);
        mcuq_transposed_conv2d_s8_lines_class some = rows;
        /* Without a tap on one axis there is none: a row of zeros. */
        some.count = (cols.count > 0) ? some.count : 0;
        cols.count = (some.count > 0) ? cols.count : 0;
        walk.count = ((p->out_w - ox) + (p->stride_w - 1)) / p->stride_w;
        walk.y = &y[((oy * p->out_w) + ox) * p->out_c];
        mcuq_transposed_conv2d_s8_lines_filters(p, s, &some, &cols, m, &walk);
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
    mcuq_transposed_conv2d_s8_lines_state s;
    s.w = (mcuq_word *)(void *)scratch;
    s.rows = (mcuq_place *)(void *)&s.w[p->pairs];
    s.lines = (mcuq_line *)(void *)&s.rows[p->places];
    s.lane = (p->in_h + 1) * p->wide * p->line;
    s.count = -1;
    s.pieces = 0;
    s.taps = 0;
    mcuq_lines_fill(s.w, p->words, p->x_zero_point);
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t c = 0; c < p->in_c; c += p->depth) {
            for (int32_t row = 0; row < p->in_h; row++) {
                const int8_t *const from = &x[(row * p->in_w * p->in_c) + c];
                mcuq_line *const to = &s.lines[p->wide * ((row * p->line) + p->border)];
                if (p->wide == 2) {
                    mcuq_lines_pairs(from, p->in_c, p->in_w, p->depth, s.lane, to);
                } else {
                    mcuq_lines_channels(from, p->in_c, p->in_w, p->depth, s.lane, to);
                }
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
