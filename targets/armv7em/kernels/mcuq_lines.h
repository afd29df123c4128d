/*
 * Convolution of any groups, window, stride and dilation along lines, int8, for cores with DSP instructions.
 *
 * The channels of a few groups are spread out into lines, one for each row that the window reaches over; then every
 * filter of theirs runs along them.
 */
#ifndef MCUQ_LINES_H
#define MCUQ_LINES_H

#include "mcuq_lines_near.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; a group has depth channels of x and `filters` of y.
 * Rows may be columns of the images: rows of x lie x_row codes apart, their columns x_col, those of y alike.
 * lanes: channels that are spread out at a time, a multiple of depth.
 * wide: channels of a line, 1, or 2 where a group has several: then the codes of two lie side by side, and a group has
 * `units` lines to a row.
 * A line holds `parts` parts of `part` columns: column u, the border before included, is u / parts of part u % parts;
 * where there are several, so many columns lie between taps. Outputs that read one part are `every` apart, and their
 * columns in it `step`. lines: rows of x that are held of a channel: what `band` rows of y reach over.
 * A row of a filter is computed in `pieces` of `taps`, `pairs` words of weights; they begin `piece` bytes apart.
 * words: of the scratch buffer.
 * weights [out_c][kernel_h][kernel_w][depth].
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
    int32_t x_row;
    int32_t x_col;
    int32_t y_row;
    int32_t y_col;
    int32_t depth;
    int32_t filters;
    int32_t lanes;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t pad_top;
    int32_t pad_left;
    int32_t wide;
    int32_t units;
    int32_t parts;
    int32_t part;
    int32_t every;
    int32_t step;
    int32_t taps;
    int32_t pairs;
    int32_t pieces;
    int32_t piece;
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
 * What lies in the scratch buffer: a filter's weights as pairs of halves, where its rows' pieces begin in the group's
 * first line for each row of a band, and lines; behind those of a channel or two lies one of zero points.
 * count: pieces of a filter. line: codes of one. lane: of all lines of one or two channels.
 * made: rows of x up to this one have been spread out.
 */
typedef struct {
    mcuq_word *w;
    mcuq_place *rows;
    mcuq_line *lines;
    int32_t count;
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

/* Codes of any number of channels, `count` of them `step` codes apart, those of two channels next to each other. */
MCUQ_KERNEL void mcuq_lines_pairs(const int8_t *x, int32_t step, int32_t count, int32_t lanes, int32_t lane,
                                  mcuq_line *to)
{
    int32_t c = 0;
    for (; (c + 4) <= lanes; c += 4) {
        mcuq_word *const first = (mcuq_word *)(void *)&to[(c / 2) * lane];
        mcuq_word *const second = (mcuq_word *)(void *)&to[((c / 2) + 1) * lane];
        const int8_t *from = &x[c];
        for (int32_t i = 0; i < count; i++) {
            const uint32_t word = mcuq_load4(from);
            const uint32_t even = mcuq_sxtb16(word);
            const uint32_t odd = mcuq_sxtb16_odd(word);
            first[i] = mcuq_pack_low(even, odd);
            second[i] = mcuq_pack_high(even, odd);
            from = &from[step];
        }
    }
    for (; c < lanes; c++) {
        for (int32_t i = 0; i < count; i++) {
            to[((c / 2) * lane) + (2 * i) + (c % 2)] = x[(i * step) + c];
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

/* A row of x into the lines of `lanes` channels; x is the first of them. */
MCUQ_KERNEL void mcuq_lines_spread(const mcuq_lines_params *p, const int8_t *x, int32_t lanes, int32_t lane,
                                   mcuq_line *to)
{
    for (int32_t first = 0; (first < p->parts) && (first < p->in_w); first++) {
        const int32_t u = p->pad_left + first;
        const int32_t count = ((p->in_w - first) + (p->parts - 1)) / p->parts;
        const int8_t *const from = &x[first * p->x_col];
        mcuq_line *const at = &to[p->wide * (((u % p->parts) * p->part) + (u / p->parts))];
        if (p->wide == 2) {
            mcuq_lines_pairs(from, p->parts * p->x_col, count, lanes, lane, at);
        } else {
            mcuq_lines_channels(from, p->parts * p->x_col, count, lanes, lane, at);
        }
    }
}

/* A filter's weights for lines of one channel, pieces of rows as pairs of halves; what fills them up is zero before. */
MCUQ_KERNEL void mcuq_lines_single(const mcuq_lines_params *p, const int8_t *from, mcuq_word *to)
{
    /* Copies: a store could change what p points to, for all the compiler knows. */
    const int32_t taps = p->taps;
    const int32_t pairs = p->pairs;
    const int32_t kernel_w = p->kernel_w;
    for (int32_t row = 0; row < p->kernel_h; row++) {
        int32_t left = kernel_w;
        while (left > 0) {
            const int32_t count = (left < taps) ? left : taps;
            mcuq_word *pair = to;
            for (int32_t i = count; i > 1; i -= 2) {
                *pair = mcuq_pack_low((uint32_t)from[0], (uint32_t)from[1]);
                pair = &pair[1];
                from = &from[2];
            }
            if ((count % 2) != 0) {
                *pair = mcuq_pack_low((uint32_t)*from, 0);
                from = &from[1];
            }
            left -= count;
            to = &to[pairs];
        }
    }
}

/* A filter's weights for lines of two channels: the lines of a group one after the other. */
MCUQ_KERNEL void mcuq_lines_double(const mcuq_lines_params *p, const int8_t *from, mcuq_line *to)
{
    const int32_t wide = 2 * p->pieces * p->pairs;
    const int32_t unit = p->kernel_h * wide;
    for (int32_t row = 0; row < p->kernel_h; row++) {
        for (int32_t tap = 0; tap < p->kernel_w; tap++) {
            mcuq_line *two = &to[(row * wide) + (2 * tap)];
            int32_t c = 1;
            for (; c < p->depth; c += 2) {
                two[0] = from[c - 1];
                two[1] = from[c];
                two = &two[unit];
            }
            if ((p->depth % 2) != 0) {
                two[0] = from[c - 1];
            }
            from = &from[p->depth];
        }
    }
}

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
    mcuq_lines_near_row(walk);
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
    const int32_t right = p->right[m];
    const int8_t *const w = &p->weights[p->depth * p->kernel_h * p->kernel_w * m];
    mcuq_lines_row_walk walk = {
        .x = (const int8_t *)(const void *)lines,
        .count = p->out_w,
        .y = &y[m],
        .rows = s->rows,
        .rows_end = &s->rows[s->count],
        .w = s->w,
        .pairs = p->pairs,
        .x_step = 2 * p->wide * p->step,
        .y_step = p->every * p->y_col,
        .bias = p->bias[m],
        .multiplier = p->multiplier[m],
        .right = right,
        .offset = (right <= MCUQ_CHANNEL_DSP_MOST) ? mcuq_offset_dsp(right, p->y_zero_point) : 0,
        .height = height,
        .y_row = p->y_row,
        .taps = p->taps,
    };
    if (p->wide == 2) {
        mcuq_lines_double(p, w, (mcuq_line *)(void *)s->w);
    } else {
        mcuq_lines_single(p, w, s->w);
    }
    for (int32_t first = 0; (first < p->every) && (first < p->out_w); first++) {
        const int32_t at = first * p->stride_w;
        const int32_t code = p->wide * (((at % p->parts) * p->part) + (at / p->parts));
        walk.x = (const int8_t *)(const void *)&lines[code];
        walk.count = ((p->out_w - first) + (p->every - 1)) / p->every;
        walk.y = &y[(first * p->y_col) + m];
        mcuq_lines_outputs(&limits, &walk);
    }
}

/* Where the rows of the filter begin for row oy of y: in the lines of x's rows, or in that of zero points. */
MCUQ_KERNEL void mcuq_lines_places(const mcuq_lines_params *p, const mcuq_lines_state *s, int32_t oy, mcuq_place *rows)
{
    /* Copies: a store could change what p and s point to, for all the compiler knows. */
    const int32_t pieces = p->pieces;
    const int32_t piece = p->piece;
    const int32_t lines = p->lines;
    const int32_t unit = 2 * s->lane;
    const int32_t next = pieces * p->kernel_h;
    int32_t row = (oy * p->stride_h) - p->pad_top;
    int32_t ring = row % lines;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t slot = ((row >= 0) && (row < p->in_h)) ? ring : lines;
        int32_t place = 2 * slot * s->line;
        mcuq_place *to = &rows[i * pieces];
        for (int32_t left = p->units; left > 0; left--) {
            for (int32_t k = 0; k < pieces; k++) {
                to[k] = place + (k * piece);
            }
            place += unit;
            to = &to[next];
        }
        row += p->dilation_h;
        ring += p->dilation_h;
        ring -= (ring < lines) ? 0 : lines;
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
        mcuq_lines_spread(p, &x[row * p->x_row], lanes, s->lane, to);
    }
    s->made = last;
    for (int32_t i = 0; i < height; i++) {
        mcuq_lines_places(p, s, oy + i, &s->rows[i * s->count]);
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
            const mcuq_line *const lines = &s->lines[group * p->units * s->lane];
            for (int32_t filter = 0; filter < p->filters; filter++) {
                mcuq_lines_filter(p, s, m, lines, height, &y[oy * p->y_row]);
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
    mcuq_word *const all = (mcuq_word *)(void *)scratch;
    mcuq_lines_state s;
    s.count = p->units * p->kernel_h * p->pieces;
    s.w = all;
    s.rows = (mcuq_place *)(void *)&all[s.count * p->pairs];
    s.lines = (mcuq_line *)(void *)&s.rows[p->band * s.count];
    s.line = p->wide * p->parts * p->part;
    s.lane = (p->lines + 1) * s.line;
    mcuq_lines_fill(all, p->words, p->x_zero_point);
    for (int32_t i = 0; i < (s.count * p->pairs); i++) {
        all[i] = 0;
    }
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
