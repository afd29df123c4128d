/*
 * Convolution of any groups, window, stride and dilation along lines, int8, for cores with DSP instructions.
 *
 * The channels of a few groups are spread out into lines, one for each row that the window reaches over; then every
 * filter of theirs runs along them.
 */
#ifndef MCUQ_LINES_H
#define MCUQ_LINES_H

#include "mcuq_lines_row.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; a group has depth channels of x and `filters` of y.
 * lanes: channels that are spread out at a time, a multiple of depth.
 * A line holds dilation_w parts of `part` codes: column u, the border before included, is code u / dilation_w of part
 * u % dilation_w. Outputs that read one part are `every` apart, and their codes in it `step`. lines: rows of x that
 * are held of a channel: what `band` rows of y reach over. words: of the scratch buffer.
 * weights [out_c][depth][kernel_h][kernel_w].
 * bias [out_c] with the input's zero point folded in, multiplier and right [out_c], the latter as mcuq_channel_dsp.h
 * says.
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
    int32_t lanes;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t part;
    int32_t every;
    int32_t step;
    int32_t lines;
    int32_t band;
    int32_t words;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *right;
} mcuq_lines_params;

/*
 * What lies in the scratch buffer: a filter's weights as pairs of halves, where its rows begin in the first channel's
 * lines for each row of a band, and lines; behind those of a channel lies one of zero points. lane: codes of a channel.
 * made: rows of x up to this one have been spread out.
 */
typedef struct {
    mcuq_word *w;
    mcuq_place *rows;
    mcuq_line *lines;
    int32_t line;
    int32_t lane;
    int32_t made;
} mcuq_lines_state;

/* Codes of four channels, `count` of them `step` codes apart, each channel's next to each other. */
MCUQ_KERNEL void mcuq_lines_four(const int8_t *x, int32_t step, int32_t count, int32_t lane, mcuq_line *to)
{
    mcuq_line *const a = to;
    mcuq_line *const b = &to[lane];
    mcuq_line *const c = &to[2 * lane];
    mcuq_line *const d = &to[3 * lane];
    for (int32_t i = 0; i < count; i++) {
        const uint32_t word = mcuq_load4(x);
        const uint32_t even = mcuq_sxtb16(word);
        const uint32_t odd = mcuq_sxtb16_odd(word);
        a[i] = (mcuq_line)(uint16_t)even;
        b[i] = (mcuq_line)(uint16_t)odd;
        c[i] = (mcuq_line)(uint16_t)(even >> 16);
        d[i] = (mcuq_line)(uint16_t)(odd >> 16);
        x = &x[step];
    }
}

/* Codes of any number of channels, `count` of them `step` codes apart, each channel's next to each other. */
MCUQ_KERNEL void mcuq_lines_channels(const int8_t *x, int32_t step, int32_t count, int32_t lanes, int32_t lane,
                                     mcuq_line *to)
{
    int32_t c = 0;
    for (; (c + 4) <= lanes; c += 4) {
        mcuq_lines_four(&x[c], step, count, lane, &to[c * lane]);
    }
    for (; c < lanes; c++) {
        for (int32_t i = 0; i < count; i++) {
            to[(c * lane) + i] = x[(i * step) + c];
        }
    }
}

/* A code in all halves of `words` words, a multiple of 4. */
MCUQ_KERNEL void mcuq_lines_fill(mcuq_word *to, int32_t words, int32_t code)
{
    const uint32_t outside = mcuq_pack_low((uint32_t)code, (uint32_t)code);
    for (int32_t i = 0; i < words; i += 4) {
        to[i] = outside;
        to[i + 1] = outside;
        to[i + 2] = outside;
        to[i + 3] = outside;
    }
}

/* A row of x into a line of each of `lanes` channels; x is the first of them. */
MCUQ_KERNEL void mcuq_lines_spread(const mcuq_lines_params *p, const int8_t *x, int32_t lanes, int32_t lane,
                                   mcuq_line *to)
{
    for (int32_t first = 0; (first < p->dilation_w) && (first < p->in_w); first++) {
        const int32_t u = p->pad_left + first;
        const int32_t count = ((p->in_w - first) + (p->dilation_w - 1)) / p->dilation_w;
        mcuq_lines_channels(&x[first * p->in_c], p->dilation_w * p->in_c, count, lanes, lane,
                            &to[((u % p->dilation_w) * p->part) + (u / p->dilation_w)]);
    }
}

/* `rows` rows of a filter's weights as pairs of halves; a zero makes their number in a row even. */
MCUQ_KERNEL void mcuq_lines_weights(const int8_t *from, int32_t rows, int32_t count, mcuq_word *to)
{
    for (int32_t row = 0; row < rows; row++) {
        for (int32_t i = 1; i < count; i += 2) {
            *to = mcuq_pack_low((uint32_t)from[i - 1], (uint32_t)from[i]);
            to = &to[1];
        }
        if ((count % 2) != 0) {
            *to = mcuq_pack_low((uint32_t)from[count - 1], 0);
            to = &to[1];
        }
        from = &from[count];
    }
}

/* How codes are limited. */
typedef struct {
    int32_t zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_lines_limits;

/* Rows of outputs in plain C: for a channel whose scale is not one of the shortcut. */
MCUQ_KERNEL void mcuq_lines_plain(const mcuq_lines_limits *limits, const mcuq_lines_row_walk *walk)
{
    const mcuq_place *rows = walk->rows;
    for (int32_t row = 0; row < walk->height; row++) {
        int8_t *const y = &walk->y[row * walk->y_row];
        for (int32_t i = 0; i < walk->count; i++) {
            const int32_t sum = mcuq_lines_row_sum(walk, rows, &walk->x[i * walk->x_step]);
            y[i * walk->y_step] =
                mcuq_channel_dsp_code(sum, walk->multiplier, walk->right, limits->zero_point, limits->lo, limits->hi);
        }
        rows = &rows[walk->rows_end - walk->rows];
    }
}

/* Rows of outputs. */
MCUQ_KERNEL void mcuq_lines_outputs(const mcuq_lines_limits *limits, const mcuq_lines_row_walk *walk)
{
    if (walk->right > MCUQ_CHANNEL_DSP_MOST) {
        mcuq_lines_plain(limits, walk);
        return;
    }
    mcuq_lines_row(walk);
    if ((limits->lo != -128) || (limits->hi != 127)) {
        int8_t *y = walk->y;
        for (int32_t row = 0; row < walk->height; row++) {
            for (int32_t i = 0; i < walk->count; i++) {
                y[i * walk->y_step] = mcuq_clamp(y[i * walk->y_step], limits->lo, limits->hi);
            }
            y = &y[walk->y_row];
        }
    }
}

/* Output channel m of some rows; lines: those of its group's first channel, y: of the first row's first output. */
MCUQ_KERNEL void mcuq_lines_filter(const mcuq_lines_params *p, const mcuq_lines_state *s, int32_t m,
                                   const mcuq_line *lines, int32_t height, int8_t *y)
{
    const mcuq_lines_limits limits = {p->y_zero_point, p->lo, p->hi};
    const int32_t rows = p->depth * p->kernel_h;
    const int32_t pairs = (p->kernel_w + 1) / 2;
    const int32_t right = p->right[m];
    mcuq_lines_row_walk walk = {
        .x = (const int8_t *)(const void *)lines,
        .count = p->out_w,
        .y = &y[m],
        .rows = s->rows,
        .rows_end = &s->rows[rows],
        .w = s->w,
        .pairs = pairs,
        .x_step = 2 * p->step,
        .y_step = p->every * p->out_c,
        .bias = p->bias[m],
        .multiplier = p->multiplier[m],
        .right = right,
        .offset = (right <= MCUQ_CHANNEL_DSP_MOST) ? mcuq_offset_dsp(right, p->y_zero_point) : 0,
        .height = height,
        .y_row = p->out_w * p->out_c,
    };
    mcuq_lines_weights(&p->weights[rows * p->kernel_w * m], rows, p->kernel_w, s->w);
    for (int32_t first = 0; (first < p->every) && (first < p->out_w); first++) {
        const int32_t at = first * p->stride_w;
        const int32_t code = ((at % p->dilation_w) * p->part) + (at / p->dilation_w);
        walk.x = (const int8_t *)(const void *)&lines[code];
        walk.count = ((p->out_w - first) + (p->every - 1)) / p->every;
        walk.y = &y[(first * p->out_c) + m];
        mcuq_lines_outputs(&limits, &walk);
    }
}

/* Where the rows of the filter begin for row oy of y: in the lines of x's rows, or in that of zero points. */
MCUQ_KERNEL void mcuq_lines_places(const mcuq_lines_params *p, const mcuq_lines_state *s, int32_t oy, mcuq_place *rows)
{
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = (oy * p->stride_h) - p->pad_top + (i * p->dilation_h);
        const int32_t slot = ((row >= 0) && (row < p->in_h)) ? (row % p->lines) : p->lines;
        for (int32_t c = 0; c < p->depth; c++) {
            rows[(c * p->kernel_h) + i] = 2 * ((c * s->lane) + (slot * s->line));
        }
    }
}

/*
 * Spreads out what `height` rows of y from oy on need and is not made yet, of `lanes` channels; x is the first of them
 * in the image.
 */
MCUQ_KERNEL void mcuq_lines_prepare(const mcuq_lines_params *p, mcuq_lines_state *s, const int8_t *x, int32_t lanes,
                                    int32_t oy, int32_t height)
{
    const int32_t first = (oy * p->stride_h) - p->pad_top;
    const int32_t last = first + ((height - 1) * p->stride_h) + ((p->kernel_h - 1) * p->dilation_h);
    int32_t row = (s->made < first) ? first : (s->made + 1);
    row = (row < 0) ? 0 : row;
    for (; (row <= last) && (row < p->in_h); row++) {
        mcuq_line *const to = &s->lines[(row % p->lines) * s->line];
        mcuq_lines_spread(p, &x[row * p->in_w * p->in_c], lanes, s->lane, to);
    }
    s->made = last;
    for (int32_t i = 0; i < height; i++) {
        mcuq_lines_places(p, s, oy + i, &s->rows[i * p->depth * p->kernel_h]);
    }
}

/* The filters of the groups that channels c to c + lanes - 1 make up, of one image. */
MCUQ_KERNEL void mcuq_lines_groups(const mcuq_lines_params *p, mcuq_lines_state *s, const int8_t *x, int32_t c,
                                   int32_t lanes, int8_t *y)
{
    const int32_t groups = lanes / p->depth;
    s->made = -1;
    for (int32_t oy = 0; oy < p->out_h; oy += p->band) {
        const int32_t height = ((p->out_h - oy) < p->band) ? (p->out_h - oy) : p->band;
        int32_t m = (c / p->depth) * p->filters;
        mcuq_lines_prepare(p, s, &x[c], lanes, oy, height);
        for (int32_t group = 0; group < groups; group++) {
            const mcuq_line *const lines = &s->lines[group * p->depth * s->lane];
            for (int32_t filter = 0; filter < p->filters; filter++) {
                mcuq_lines_filter(p, s, m, lines, height, &y[oy * p->out_w * p->out_c]);
                m++;
            }
        }
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point.
 *
 * scratch: `words` words, a multiple of 4, aligned to 4. No overlap.
 */
MCUQ_KERNEL void mcuq_lines_run(const mcuq_lines_params *p, const int8_t *x, int8_t *y, int8_t *scratch)
{
    const int32_t rows = p->depth * p->kernel_h;
    mcuq_word *const all = (mcuq_word *)(void *)scratch;
    mcuq_lines_state s;
    s.w = all;
    s.rows = (mcuq_place *)(void *)&all[rows * ((p->kernel_w + 1) / 2)];
    s.lines = (mcuq_line *)(void *)&s.rows[p->band * rows];
    s.line = p->dilation_w * p->part;
    s.lane = (p->lines + 1) * s.line;
    mcuq_lines_fill(all, p->words, p->x_zero_point);
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t c = 0; c < p->in_c; c += p->lanes) {
            const int32_t lanes = ((p->in_c - c) < p->lanes) ? (p->in_c - c) : p->lanes;
            mcuq_lines_groups(p, &s, x, c, lanes, y);
        }
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
