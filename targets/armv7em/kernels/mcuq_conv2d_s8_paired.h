/*
 * Convolution as a matrix product with the weights of two channels in one halfword, int8, for cores with DSP
 * instructions.
 */
#ifndef MCUQ_CONV2D_S8_PAIRED_H
#define MCUQ_CONV2D_S8_PAIRED_H

#include "mcuq_gemm_4x2.h"
#include "mcuq_gemm_4x2_x.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. A row of a window is row_c = kernel_w * in_c codes that
 * lie together in x; all kernel_h rows follow each other, filled up to wide_c, a multiple of 4, with weights of 0.
 * weights [out_c / 4][wide_c / 4][16]: as mcuq_gemm_4x2 reads them, codes 0 and 2 before 1 and 3 of four.
 * channels: as there, the input's zero point folded into the bias. Channels of zeros fill up out_c. Those behind the
 * last four are the words from `last` on. has_odd: whether any four are odd.
 * near_weights: a copy of the weights of the first near_groups fours, which is read in their place where there are any;
 * the others' words of channels begin at near_words.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t row_c;
    int32_t wide_c;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero_point;
    int32_t lo;
    int32_t hi;
    int32_t last;
    int32_t has_odd;
    int32_t near_groups;
    int32_t near_words;
    const int8_t *weights;
    const int32_t *channels;
    const int8_t *near_weights;
} mcuq_conv2d_s8_paired_params;

/* Which taps of a window lie in the image: rows [top, bottom), columns [left, right). */
typedef struct {
    int32_t top;
    int32_t bottom;
    int32_t left;
    int32_t right;
} mcuq_conv2d_s8_paired_inside;

/* Bytes [first, last) of the rows of a window that lie in the image, into a line of zero points; x: row 0 of them. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_edge(const mcuq_conv2d_s8_paired_params *p, int8_t *line, const int8_t *x,
                                            int32_t col, const mcuq_conv2d_s8_paired_inside *inside)
{
    const uint32_t outside = (uint32_t)(uint8_t)p->x_zero_point * 0x01010101U;
    for (int32_t i = 0; i < p->wide_c; i += 4) {
        (void)memcpy(&line[i], &outside, sizeof outside);
    }
    const int32_t first = inside->left * p->in_c;
    const int32_t count = (inside->right * p->in_c) - first;
    int8_t *to = &line[(inside->top * p->row_c) + first];
    x = &x[(col * p->in_c) + first];
    for (int32_t row = inside->top; row < inside->bottom; row++) {
        int32_t k = 0;
        for (; k < (count - 3); k += 4) {
            (void)memcpy(&to[k], &x[k], 4);
        }
        for (; k < count; k++) {
            to[k] = x[k];
        }
        to = &to[p->row_c];
        x = &x[p->in_w * p->in_c];
    }
}

/*
 * Rows, or what of them lies in the image, straight into every second word of `to`; x: row 0 of the latter.
 * in_c is a multiple of 4.
 */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_direct(const mcuq_conv2d_s8_paired_params *p, mcuq_word *to, const int8_t *x,
                                              int32_t col, const mcuq_conv2d_s8_paired_inside *inside)
{
    const int32_t in_c = p->in_c;
    const int32_t step = p->in_w * in_c;
    const int32_t count = (inside->right - inside->left) * in_c;
    const int32_t before = inside->left * in_c;
    const int32_t behind = p->row_c - (before + count);
    const int32_t is_cut = (count < p->row_c);
    const int32_t rows = (is_cut != 0) ? 1 : (inside->bottom - inside->top);
    const mcuq_gemm_4x2_x_rows part = {.count = count, .skip = step - count, .rows = rows};
    to = mcuq_gemm_4x2_x_fill(to, p->x_zero_point, inside->top * p->row_c);
    for (int32_t row = inside->top; row < inside->bottom; row += rows) {
        to = mcuq_gemm_4x2_x_fill(to, p->x_zero_point, before);
        mcuq_gemm_4x2_x_expand(to, &x[(col + inside->left) * in_c], &part);
        to = mcuq_gemm_4x2_x_fill(&to[rows * count], p->x_zero_point, behind);
        x = &x[rows * step];
    }
    (void)mcuq_gemm_4x2_x_fill(to, p->x_zero_point, (p->kernel_h - inside->bottom) * p->row_c);
}

/* A window at (row, col) that leaves the image, or is next to its end, expanded into every second word of `to`. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_window(const mcuq_conv2d_s8_paired_params *p, mcuq_word *to, const int8_t *x,
                                              int32_t row, int32_t col, int8_t *line)
{
    const mcuq_gemm_4x2_x_rows all = {.count = p->wide_c, .skip = 0, .rows = 1};
    const mcuq_conv2d_s8_paired_inside inside = {
        .top = (row < 0) ? -row : 0,
        .bottom = ((p->in_h - row) < p->kernel_h) ? (p->in_h - row) : p->kernel_h,
        .left = (col < 0) ? -col : 0,
        .right = ((p->in_w - col) < p->kernel_w) ? (p->in_w - col) : p->kernel_w,
    };
    if ((inside.top >= inside.bottom) || (inside.left >= inside.right)) {
        (void)mcuq_gemm_4x2_x_fill(to, p->x_zero_point, p->wide_c);
    } else if ((p->in_c % 4) == 0) {
        mcuq_conv2d_s8_paired_direct(p, to, &x[(row + inside.top) * p->in_w * p->in_c], col, &inside);
    } else {
        mcuq_conv2d_s8_paired_edge(p, line, &x[(row + inside.top) * p->in_w * p->in_c], col, &inside);
        mcuq_gemm_4x2_x_expand(to, line, &all);
    }
}

/* The last code of a row of x that a window inside the image may begin at, -1 where there is none. */
MCUQ_KERNEL int32_t mcuq_conv2d_s8_paired_last(const mcuq_conv2d_s8_paired_params *p, int32_t row)
{
    const int32_t last = (p->in_w - p->kernel_w) * p->in_c;
    const int32_t left = (p->in_h - (row + p->kernel_h - 1)) * p->in_w * p->in_c;
    const int32_t readable = left - (((p->row_c % 4) == 0) ? p->row_c : ((p->row_c + 15) & ~15));
    if ((row < 0) || ((row + p->kernel_h) > p->in_h)) {
        return -1;
    }
    return (readable < last) ? readable : last;
}

/* The channels behind the last four of `count` (1 or 2) pixels, by way of a block; then all limited. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_finish(const mcuq_conv2d_s8_paired_params *p, const mcuq_gemm_4x2_walk *walk,
                                              int8_t *y, int32_t count)
{
    const int32_t fours = p->out_c / 4;
    const int32_t rest = p->out_c % 4;
    if (rest > 0) {
        int8_t codes[8];
        mcuq_gemm_4x2_walk last = *walk;
        last.y = codes;
        last.stride = (count == 2) ? 4 : 0;
        last.weights = &p->weights[4 * fours * p->wide_c];
        last.channels = &p->channels[p->last];
        last.groups = 1;
        if (last.channels[0] < 0) {
            mcuq_gemm_4x2_odd(&last);
        } else {
            mcuq_gemm_4x2(&last);
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

/* All fours of channels: those whose weights lie near, then the others. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_fours(const mcuq_conv2d_s8_paired_params *p, const mcuq_gemm_4x2_walk *walk)
{
    mcuq_gemm_4x2_walk part = *walk;
    if (p->near_groups > 0) {
        part.weights = p->near_weights;
        part.groups = p->near_groups;
        mcuq_gemm_4x2(&part);
        part.y = &walk->y[4 * p->near_groups];
        part.weights = &walk->weights[4 * p->near_groups * p->wide_c];
        part.channels = &walk->channels[p->near_words];
        part.groups = walk->groups - p->near_groups;
    }
    if (part.groups > 0) {
        mcuq_gemm_4x2(&part);
    }
}

/* All fours of channels where some are odd: as many as have a form at once, the others one by one. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_mixed(const mcuq_conv2d_s8_paired_params *p, const mcuq_gemm_4x2_walk *walk)
{
    mcuq_gemm_4x2_walk part = *walk;
    for (int32_t at = 0; at < walk->groups; at += part.groups) {
        const int32_t is_near = (at < p->near_groups);
        const int32_t most = ((is_near != 0) ? p->near_groups : walk->groups) - at;
        part.weights = &((is_near != 0) ? p->near_weights : walk->weights)[4 * at * p->wide_c];
        part.y = &walk->y[4 * at];
        const int32_t *next = NULL;
        part.groups = mcuq_gemm_paired_run(part.channels, most, &next);
        if (part.groups > 0) {
            mcuq_gemm_4x2(&part);
        } else {
            part.groups = 1;
            mcuq_gemm_4x2_odd(&part);
            next = &part.channels[-part.channels[0]];
        }
        part.channels = next;
    }
}

/* All channels of `count` (1 or 2) pixels whose windows walk->x holds. */
static inline void mcuq_conv2d_s8_paired_pixels(const mcuq_conv2d_s8_paired_params *p, mcuq_gemm_4x2_walk *walk,
                                                int32_t count, int32_t is_plain)
{
    int8_t *const y = walk->y;
    walk->stride = (count == 2) ? p->out_c : 0;
    if (is_plain != 0) {
        mcuq_gemm_4x2(walk);
    } else {
        if (p->has_odd != 0) {
            mcuq_conv2d_s8_paired_mixed(p, walk);
        } else {
            mcuq_conv2d_s8_paired_fours(p, walk);
        }
        mcuq_conv2d_s8_paired_finish(p, walk, y, count);
    }
    walk->y = &y[count * p->out_c];
}

/* `pairs` of pixels whose windows lie in the image, the first at x, `step` codes apart. */
static inline void mcuq_conv2d_s8_paired_pairs(const mcuq_conv2d_s8_paired_params *p, mcuq_gemm_4x2_walk *walk,
                                               mcuq_word *columns, const int8_t *x,
                                               const mcuq_gemm_4x2_x_rows *two, int32_t pairs, int32_t is_plain)
{
    const int32_t step = 2 * two->step;
    for (int32_t at = 0; at < (pairs * step); at += step) {
        mcuq_gemm_4x2_x_expand(columns, &x[at], two);
        mcuq_conv2d_s8_paired_pixels(p, walk, 2, is_plain);
    }
}

/* A row of outputs whose windows begin in `row` of x. Returns how many pixels wait for a second, 0 or 1. */
MCUQ_KERNEL int32_t mcuq_conv2d_s8_paired_row(const mcuq_conv2d_s8_paired_params *p, mcuq_gemm_4x2_walk *walk,
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
    int32_t ox = 0;
    while (ox < p->out_w) {
        int32_t pairs = 0;
        if ((from < 0) || (from > last)) {
            mcuq_conv2d_s8_paired_window(p, &columns[lane], x, row, (ox * p->stride_w) - p->pad_left, line);
        } else {
            const int32_t inside = ((last - from) / step) + 1;
            const int32_t left = p->out_w - ox;
            pairs = (lane == 1) ? 0 : (((inside < left) ? inside : left) / 2);
            if (pairs == 0) {
                mcuq_gemm_4x2_x_expand(&columns[lane], &first[from], &one);
            }
        }
        if (pairs > 0) {
            mcuq_conv2d_s8_paired_pairs(p, walk, columns, &first[from], &two, pairs, is_plain);
        } else {
            if (lane == 1) {
                mcuq_conv2d_s8_paired_pixels(p, walk, 2, is_plain);
            }
            lane = 1 - lane;
        }
        ox += (pairs > 0) ? (2 * pairs) : 1;
        from += (pairs > 0) ? (2 * pairs * step) : step;
    }
    return lane;
}

/* One image: two pixels at a time, the last by itself where their number is odd. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_image(const mcuq_conv2d_s8_paired_params *p, const int8_t *x, int8_t *y,
                                             mcuq_word *columns)
{
    mcuq_gemm_4x2_walk walk = {
        .channels = p->channels,
        .groups = p->out_c / 4,
        .y = y,
        .weights = p->weights,
    };
    int32_t lane = 0;
    mcuq_gemm_4x2_begin(&walk, columns, p->wide_c);
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        lane = mcuq_conv2d_s8_paired_row(p, &walk, columns, lane, x, (oy * p->stride_h) - p->pad_top);
    }
    if (lane == 1) {
        mcuq_conv2d_s8_paired_pixels(p, &walk, 1, 0);
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
MCUQ_CALLED void mcuq_conv2d_s8_paired(const mcuq_conv2d_s8_paired_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    mcuq_word *const columns = (mcuq_word *)(void *)scratch;
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_conv2d_s8_paired_image(p, x, y, columns);
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
