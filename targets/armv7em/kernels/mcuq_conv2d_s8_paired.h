/*
 * Convolution as a matrix product with the weights of two channels in one halfword, int8, for cores with DSP
 * instructions.
 */
#ifndef MCUQ_CONV2D_S8_PAIRED_H
#define MCUQ_CONV2D_S8_PAIRED_H

#include "mcuq_gemm_4x2.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. A row of a window is row_c = kernel_w * in_c codes that
 * lie together in x; all kernel_h rows follow each other, filled up to wide_c, a multiple of 4, with weights of 0.
 * weights [out_c / 4][wide_c / 4][16]: as mcuq_gemm_4x2 reads them, codes 0 and 2 before 1 and 3 of four.
 * channels [out_c / 4][12]: as there, the input's zero point folded into the bias. Channels of zeros fill up out_c.
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
    const int8_t *weights;
    const int32_t *channels;
} mcuq_conv2d_s8_paired_params;

/* `count` codes, in words: up to 3 codes behind them are read and written as well. */
static inline void mcuq_conv2d_s8_paired_copy(int8_t *to, const int8_t *from, int32_t count)
{
    for (int32_t i = 0; i < count; i += 4) {
        const uint32_t word = mcuq_load4(&from[i]);
        (void)memcpy(&to[i], &word, sizeof word);
    }
}

/* `count` times a code, in words: up to 3 codes behind them are written as well. */
static inline void mcuq_conv2d_s8_paired_fill(int8_t *to, uint32_t four, int32_t count)
{
    for (int32_t i = 0; i < count; i += 4) {
        (void)memcpy(&to[i], &four, sizeof four);
    }
}

/* A window that leaves the image, into `line`: zero points outside. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_edge(const mcuq_conv2d_s8_paired_params *p, int8_t *line, const int8_t *x,
                                            int32_t row, int32_t col)
{
    const uint32_t outside = (uint32_t)(uint8_t)p->x_zero_point * 0x01010101U;
    const int32_t row_c = p->row_c;
    const int32_t first = ((col < 0) ? -col : 0) * p->in_c;
    const int32_t right = (p->in_w - col) * p->in_c;
    const int32_t last = (right < row_c) ? right : row_c;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        mcuq_conv2d_s8_paired_fill(line, outside, row_c);
        if (((row + i) >= 0) && ((row + i) < p->in_h)) {
            const int8_t *const from = &x[(row + i) * p->in_w * p->in_c];
            for (int32_t k = first; k < last; k++) {
                line[k] = from[(col * p->in_c) + k];
            }
        }
        line = &line[row_c];
    }
}

/*
 * The window of one pixel, expanded into every second word of `to`; by way of `line` where its rows are short, or no
 * multiples of 4, or partly outside. Short rows are read in words, beyond their ends where that stays inside x.
 */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_window(const mcuq_conv2d_s8_paired_params *p, mcuq_word *to, const int8_t *x,
                                              int32_t row, int32_t col, int8_t *line)
{
    const int32_t row_c = p->row_c;
    const int32_t step = p->in_w * p->in_c;
    const int32_t bottom = row + p->kernel_h;
    const int32_t end = ((bottom - 1) * step) + (col * p->in_c) + ((row_c + 3) & ~3);
    const int32_t is_inside = (row >= 0) && (bottom <= p->in_h) && (col >= 0) && ((col + p->kernel_w) <= p->in_w)
                              && (end <= (p->in_h * step));
    if (is_inside == 0) {
        mcuq_conv2d_s8_paired_edge(p, line, x, row, col);
        mcuq_gemm_4x2_expand(to, line, p->wide_c);
        return;
    }
    x = &x[(row * step) + (col * p->in_c)];
    if (((row_c % 4) == 0) && (row_c >= 16)) {
        for (int32_t i = 0; i < p->kernel_h; i++) {
            mcuq_gemm_4x2_expand(to, x, row_c);
            to = &to[row_c];
            x = &x[step];
        }
    } else {
        int8_t *at = line;
        for (int32_t i = 0; i < p->kernel_h; i++) {
            mcuq_conv2d_s8_paired_copy(at, x, row_c);
            at = &at[row_c];
            x = &x[step];
        }
        mcuq_gemm_4x2_expand(to, line, p->wide_c);
    }
}

/* All channels of `count` (1 or 2) pixels whose windows walk->x holds; what is left of fours goes by way of a block. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_pixels(const mcuq_conv2d_s8_paired_params *p, mcuq_gemm_4x2_walk *walk,
                                              int8_t *y, int32_t count)
{
    const int32_t fours = p->out_c / 4;
    const int32_t rest = p->out_c % 4;
    walk->y = y;
    walk->stride = (count == 2) ? p->out_c : 0;
    walk->weights = p->weights;
    walk->channels = p->channels;
    walk->groups = fours;
    if (fours > 0) {
        mcuq_gemm_4x2(walk);
    }
    if (rest > 0) {
        int8_t codes[8];
        walk->y = codes;
        walk->stride = (count == 2) ? 4 : 0;
        walk->weights = &p->weights[4 * fours * p->wide_c];
        walk->channels = &p->channels[12 * fours];
        walk->groups = 1;
        mcuq_gemm_4x2(walk);
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

/* One image. */
MCUQ_KERNEL void mcuq_conv2d_s8_paired_image(const mcuq_conv2d_s8_paired_params *p, const int8_t *x, int8_t *y,
                                             mcuq_word *columns, int8_t *line)
{
    const int32_t pixels = p->out_h * p->out_w;
    int32_t oy = 0;
    int32_t ox = 0;
    mcuq_gemm_4x2_walk walk = {
        .x = columns,
        .x_end = &columns[p->wide_c],
        .adjust = 4 * (-p->wide_c & 31),
    };
    for (int32_t first = 0; first < pixels; first += 2) {
        const int32_t count = ((pixels - first) < 2) ? 1 : 2;
        for (int32_t i = 0; i < count; i++) {
            mcuq_conv2d_s8_paired_window(p, &columns[i], x, (oy * p->stride_h) - p->pad_top,
                                         (ox * p->stride_w) - p->pad_left, line);
            ox++;
            if (ox == p->out_w) {
                ox = 0;
                oy++;
            }
        }
        mcuq_conv2d_s8_paired_pixels(p, &walk, y, count);
        y = &y[count * p->out_c];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: 5 * wide_c + 4 bytes, aligned to 4. No overlap.
 */
MCUQ_KERNEL void mcuq_conv2d_s8_paired(const mcuq_conv2d_s8_paired_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    mcuq_word *const columns = (mcuq_word *)(void *)scratch;
    int8_t *const line = &scratch[4 * p->wide_c];
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_conv2d_s8_paired_image(p, x, y, columns, line);
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
