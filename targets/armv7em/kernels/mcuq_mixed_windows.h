/*
 * Windows of a convolution whose input or output is int16, as columns of four pixels; and what it is told.
 */
#ifndef MCUQ_MIXED_WINDOWS_H
#define MCUQ_MIXED_WINDOWS_H

#include "mcuq_columns.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. A row of a window is kernel_w * in_c codes that lie
 * together in x. Of int16, it is filled up to row_c, a multiple of 2; of int8 it has row_c codes. All rows are filled
 * up to wide_c, a multiple of 4, with weights of 0. weights [out_c / 2][wide_c / 2][4] and channels: as mcuq_gemm_s16.h
 * says, the input's zero point folded into the bias; a channel of zeros fills up out_c. Where x is int8, codes 0 and 2
 * stand before 1 and 3 of four. right of a channel whose sums are requantized in full: 64 less its shift, 34 to 95; it
 * makes its pair slow, as limits other than those of int16, or than 0 and 32767, and codes of int8 make all, and an odd
 * out_c the last. runs: how many pairs are fast, how many that follow are slow, again how many are fast, until these
 * are all.
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
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
    const int32_t *runs;
} mcuq_conv2d_mixed_gemm_params;

/* Which taps of a window lie in the image: rows [top, bottom), columns [left, right). */
typedef struct {
    int32_t top;
    int32_t bottom;
    int32_t left;
    int32_t right;
} mcuq_mixed_windows_inside;

/* Words of the same codes, as every fourth word of `to`; returns where the next goes. */
MCUQ_KERNEL mcuq_word *mcuq_mixed_windows_fill(mcuq_word *to, int32_t code, int32_t words)
{
    const uint32_t half = (uint32_t)code & 0xFFFFU;
    const uint32_t word = half | (half << 16);
    for (int32_t i = 0; i < words; i++) {
        *to = word;
        to = &to[4];
    }
    return to;
}

/* Codes [first, last) of a row of int16, x[0] the first, one by one among blanks. */
MCUQ_KERNEL void mcuq_mixed_windows_edge(mcuq_word *to, const mcuq_int16 *x, int32_t first, int32_t last)
{
    mcuq_int16 *const halves = (mcuq_int16 *)(void *)to;
    for (int32_t k = first; k < last; k++) {
        halves[(8 * (k / 2)) + (k % 2)] = x[k - first];
    }
}

/* The window of int16 of one pixel into every fourth word of `to`; x: row 0 of what lies in the image. */
MCUQ_KERNEL void mcuq_mixed_windows_wide(const mcuq_conv2d_mixed_gemm_params *p, mcuq_word *to,
                                             const mcuq_int16 *x, const mcuq_mixed_windows_inside *inside)
{
    const int32_t first = inside->left * p->in_c;
    const int32_t count = (inside->right * p->in_c) - first;
    const int32_t behind = (p->row_c - (first + count)) / 2;
    const int32_t is_cut = (count < (p->kernel_w * p->in_c));
    const int32_t rows = (is_cut != 0) ? 1 : (inside->bottom - inside->top);
    const int32_t step = p->in_w * p->in_c;
    const mcuq_columns_rows part = {.count = count, .skip = 2 * (step - count), .rows = rows, .pixels = 1};
    const int32_t is_odd = (is_cut != 0) && ((p->in_c % 2) != 0);
    to = mcuq_mixed_windows_fill(to, p->x_zero_point, (inside->top * p->row_c) / 2);
    for (int32_t row = inside->top; row < inside->bottom; row += rows) {
        if (is_odd != 0) {
            mcuq_word *const next = mcuq_mixed_windows_fill(to, p->x_zero_point, p->row_c / 2);
            mcuq_mixed_windows_edge(to, x, first, first + count);
            to = next;
        } else {
            to = mcuq_mixed_windows_fill(to, p->x_zero_point, first / 2);
            mcuq_columns_wide(to, x, &part);
            to = mcuq_mixed_windows_fill(&to[4 * rows * ((count + 1) / 2)], p->x_zero_point,
                                             (is_cut != 0) ? behind : 0);
        }
        x = &x[rows * step];
    }
    (void)mcuq_mixed_windows_fill(to, p->x_zero_point, ((p->kernel_h - inside->bottom) * p->row_c) / 2);
}

/* The same of int8, by way of a line of all its codes. */
MCUQ_KERNEL void mcuq_mixed_windows_narrow(const mcuq_conv2d_mixed_gemm_params *p, mcuq_word *to, const int8_t *x,
                                               const mcuq_mixed_windows_inside *inside, int8_t *line)
{
    const mcuq_columns_rows all = {.count = p->wide_c, .rows = 1, .pixels = 1};
    const uint32_t outside = (uint32_t)(uint8_t)p->x_zero_point * 0x01010101U;
    const int32_t first = inside->left * p->in_c;
    const int32_t count = (inside->right * p->in_c) - first;
    int8_t *put = &line[(inside->top * p->row_c) + first];
    for (int32_t i = 0; i < p->wide_c; i += 4) {
        (void)memcpy(&line[i], &outside, sizeof outside);
    }
    for (int32_t row = inside->top; row < inside->bottom; row++) {
        int32_t k = 0;
        for (; k < (count - 3); k += 4) {
            (void)memcpy(&put[k], &x[k], 4);
        }
        for (; k < count; k++) {
            put[k] = x[k];
        }
        put = &put[p->row_c];
        x = &x[p->in_w * p->in_c];
    }
    mcuq_columns_narrow(to, line, &all);
}

/* The window at (row, col) of one pixel into every fourth word of `to`. */
MCUQ_INLINE void mcuq_mixed_windows_window(const mcuq_conv2d_mixed_gemm_params *p, mcuq_word *to, const void *x,
                                               int32_t row, int32_t col, int32_t is_wide, int8_t *line)
{
    mcuq_mixed_windows_inside inside = {
        .top = (row < 0) ? -row : 0,
        .bottom = ((p->in_h - row) < p->kernel_h) ? (p->in_h - row) : p->kernel_h,
        .left = (col < 0) ? -col : 0,
        .right = ((p->in_w - col) < p->kernel_w) ? (p->in_w - col) : p->kernel_w,
    };
    if ((inside.top >= inside.bottom) || (inside.left >= inside.right)) {
        (void)mcuq_mixed_windows_fill(to, p->x_zero_point, p->wide_c / 2);
    } else {
        const void *const from =
            mcuq_mixed_at(x, (((row + inside.top) * p->in_w) + col + inside.left) * p->in_c, is_wide);
        if (is_wide != 0) {
            mcuq_mixed_windows_wide(p, to, (const mcuq_int16 *)from, &inside);
        } else {
            mcuq_mixed_windows_narrow(p, to, (const int8_t *)from, &inside, line);
        }
    }
}

/* Windows of a row of outputs of which only rows may lie outside, and what the image holds of these. */
typedef struct {
    int32_t first;
    int32_t last;
    int32_t row;
    int32_t top;
    int32_t rows;
} mcuq_mixed_windows_plain;

/* How windows from `row` on lie in the image; none is plain where all rows are outside. */
MCUQ_KERNEL void mcuq_mixed_windows_plain_row(const mcuq_conv2d_mixed_gemm_params *p, int32_t row,
                                                  mcuq_mixed_windows_plain *plain)
{
    const int32_t bottom = ((p->in_h - row) < p->kernel_h) ? (p->in_h - row) : p->kernel_h;
    const int32_t room = p->in_w + p->pad_left - p->kernel_w;
    plain->top = (row < 0) ? -row : 0;
    plain->rows = bottom - plain->top;
    plain->row = row + plain->top;
    plain->first = (p->pad_left + p->stride_w - 1) / p->stride_w;
    plain->last = ((plain->rows > 0) && (room >= 0)) ? ((room / p->stride_w) + 1) : 0;
}

/*
 * How many of the next `most` windows from output `ox` on are plain; of int8 whose rows are no multiple of 4 long, only
 * those that lie in the image with 15 codes behind a row.
 */
MCUQ_INLINE int32_t mcuq_mixed_windows_count(const mcuq_conv2d_mixed_gemm_params *p,
                                                 const mcuq_mixed_windows_plain *plain, int32_t ox, int32_t most,
                                                 int32_t is_wide)
{
    const int32_t left = plain->last - ox;
    int32_t count = (left < most) ? left : most;
    count = ((ox < plain->first) || (count < 0)) ? 0 : count;
    if ((is_wide == 0) && ((p->row_c % 4) != 0) && (count > 0)) {
        const int32_t col = ((ox + count - 1) * p->stride_w) - p->pad_left;
        const int32_t from = (((plain->row + plain->rows - 1) * p->in_w) + col) * p->in_c;
        const int32_t is_safe = ((from + ((p->row_c + 15) & ~15)) <= (p->in_h * p->in_w * p->in_c));
        count = ((is_safe != 0) && (plain->rows == p->kernel_h)) ? count : 0;
    }
    return count;
}

/* Rows of `count` plain windows that are outside, then those inside, of which the first window's begins at x. */
MCUQ_INLINE void mcuq_mixed_windows_rows(const mcuq_conv2d_mixed_gemm_params *p, mcuq_word *to, const void *x,
                                                  int32_t count, const mcuq_mixed_windows_plain *plain,
                                                  int32_t is_wide)
{
    const int32_t size = (is_wide != 0) ? 2 : 1;
    const int32_t codes = p->kernel_w * p->in_c;
    const int32_t behind = p->kernel_h - plain->top - plain->rows;
    const mcuq_columns_rows rows = {
        .count = codes,
        .skip = size * ((p->in_w * p->in_c) - codes),
        .rows = plain->rows,
        .step = size * p->stride_w * p->in_c,
        .pixels = count,
    };
    mcuq_word *const inside = &to[2 * plain->top * p->row_c];
    for (int32_t i = 0; (i < count) && (plain->rows < p->kernel_h); i++) {
        (void)mcuq_mixed_windows_fill(&to[i], p->x_zero_point, (plain->top * p->row_c) / 2);
        (void)mcuq_mixed_windows_fill(&inside[(2 * plain->rows * p->row_c) + i], p->x_zero_point,
                                          (behind * p->row_c) / 2);
    }
    if (is_wide == 0) {
        mcuq_columns_narrow(inside, (const int8_t *)x, &rows);
    } else if ((count == 4) && (p->kernel_w == 3) && (p->stride_w == 1) && ((p->in_c % 16) == 0)) {
        const mcuq_columns_near near = {
            .blocks = p->in_c / 16, .skip = 2 * p->in_c * (p->in_w - 6), .rows = plain->rows};
        mcuq_columns_four(inside, (const mcuq_int16 *)x, &near);
    } else {
        mcuq_columns_wide(inside, (const mcuq_int16 *)x, &rows);
    }
}

/* `count` plain windows of int8, by way of a line of each; the first begins at x. */
MCUQ_KERNEL void mcuq_mixed_windows_lines(const mcuq_conv2d_mixed_gemm_params *p, mcuq_word *to, const int8_t *x,
                                              int32_t count, int8_t *line)
{
    const mcuq_columns_rows all = {.count = p->wide_c, .rows = 1, .step = p->wide_c, .pixels = count};
    const int32_t row_c = p->row_c;
    const int32_t down = p->in_w * p->in_c;
    for (int32_t pixel = 0; pixel < count; pixel++) {
        const int8_t *from = &x[pixel * p->stride_w * p->in_c];
        int8_t *put = &line[pixel * p->wide_c];
        for (int32_t row = 0; row < p->kernel_h; row++) {
            for (int32_t k = 0; k < row_c; k += 16) {
                (void)memcpy(&put[k], &from[k], 16);
            }
            put = &put[row_c];
            from = &from[down];
        }
    }
    mcuq_columns_narrow(to, line, &all);
}

/* Up to `most` of the next windows of a row of outputs into every fourth word, from `to` on; returns how many. */
MCUQ_INLINE int32_t mcuq_mixed_windows_next(const mcuq_conv2d_mixed_gemm_params *p, const void *x, int32_t is_wide,
                                                int32_t row, int32_t ox, const mcuq_mixed_windows_plain *plain,
                                                int32_t most, mcuq_word *to, int8_t *line)
{
    const int32_t col = (ox * p->stride_w) - p->pad_left;
    const int32_t count = mcuq_mixed_windows_count(p, plain, ox, most, is_wide);
    if (count == 0) {
        mcuq_mixed_windows_window(p, to, x, row, col, is_wide, line);
    } else {
        const void *const from = mcuq_mixed_at(x, ((plain->row * p->in_w) + col) * p->in_c, is_wide);
        if ((is_wide != 0) || ((p->row_c % 4) == 0)) {
            mcuq_mixed_windows_rows(p, to, from, count, plain, is_wide);
        } else {
            mcuq_mixed_windows_lines(p, to, (const int8_t *)from, count, line);
        }
    }
    return (count == 0) ? 1 : count;
}

/* The next output of an image: its row and column, and what is plain in the row. */
typedef struct {
    int32_t oy;
    int32_t ox;
    mcuq_mixed_windows_plain plain;
} mcuq_mixed_windows_place;

/* The next windows of an image x, up to four, as columns; returns how many, 0 behind the last. */
MCUQ_INLINE int32_t mcuq_mixed_windows_four(const mcuq_conv2d_mixed_gemm_params *p, const void *x, int32_t is_wide,
                                            mcuq_mixed_windows_place *place, mcuq_word *columns, int8_t *line)
{
    int32_t count = 0;
    while ((count < 4) && (place->oy < p->out_h)) {
        const int32_t row = (place->oy * p->stride_h) - p->pad_top;
        const int32_t left = p->out_w - place->ox;
        const int32_t most = ((4 - count) < left) ? (4 - count) : left;
        if (place->ox == 0) {
            mcuq_mixed_windows_plain_row(p, row, &place->plain);
        }
        const int32_t more = mcuq_mixed_windows_next(p, x, is_wide, row, place->ox, &place->plain, most,
                                                     &columns[count], line);
        count += more;
        place->ox += more;
        if (place->ox == p->out_w) {
            place->ox = 0;
            place->oy++;
        }
    }
    return count;
}

#endif
