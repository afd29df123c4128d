/*
 * Convolution as a matrix product, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_CONV2D_S8_GEMM_H
#define MCUQ_CONV2D_S8_GEMM_H

#include "mcuq_gemm_2x4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. A row of a window is kernel_w * in_c codes that
 * lie together in x; it is filled up to row_c, a multiple of 4, with weights of 0.
 * weights [out_c / 2][kernel_h][row_c / 4][8]: two channels a and b as a0 b0 a2 b2, a1 b1 a3 b3; an odd out_c has
 * a channel of zeros behind it. bias [out_c] with the zero point folded in, multiplier [out_c], right [out_c]:
 * 1 to 23, the right shift.
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
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *right;
} mcuq_conv2d_s8_gemm_params;

/* One row of a window that leaves the image, through `line` (row_c bytes): zero points outside. */
MCUQ_KERNEL void mcuq_conv2d_s8_gemm_edge(const mcuq_conv2d_s8_gemm_params *p, mcuq_word *to,
                                          const int8_t *row, int32_t col, int8_t *line)
{
    const int32_t first = (col < 0) ? -col : 0;
    const int32_t last = ((p->in_w - col) < p->kernel_w) ? (p->in_w - col) : p->kernel_w;
    (void)memset(line, p->x_zero_point, (size_t)p->row_c);
    if ((row != NULL) && (first < last)) {
        (void)memcpy(&line[first * p->in_c], &row[(col + first) * p->in_c],
                     (size_t)(last - first) * (size_t)p->in_c);
    }
    mcuq_gemm_2x4_expand(to, line, p->row_c);
}

/*
 * The window of one pixel, expanded into every fourth word of `to`.
 *
 * A row is read to its filled-up length where that stays inside the image: what stands there meets weights of 0.
 */
MCUQ_KERNEL void mcuq_conv2d_s8_gemm_window(const mcuq_conv2d_s8_gemm_params *p, mcuq_word *to,
                                            const int8_t *x, int32_t first_row, int32_t col, int8_t *line)
{
    const int32_t in_c = p->in_c;
    const int32_t row_c = p->row_c;
    const int32_t is_inside = (col >= 0) && ((col + p->kernel_w) <= p->in_w);
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + i;
        const int32_t is_row = (row >= 0) && (row < p->in_h);
        const int32_t at = ((row * p->in_w) + col) * in_c;
        mcuq_word *const words = &to[2 * row_c * i];
        if ((is_inside != 0) && (is_row != 0) && ((at + row_c) <= (p->in_h * p->in_w * in_c))) {
            mcuq_gemm_2x4_expand(words, &x[at], row_c);
        } else {
            const int8_t *from = (is_row != 0) ? &x[row * p->in_w * in_c] : NULL;
            mcuq_conv2d_s8_gemm_edge(p, words, from, col, line);
        }
    }
}

/* Zeros in the places of the pixels from `count` on, which have none: nothing is computed from what stood there. */
MCUQ_KERNEL void mcuq_conv2d_s8_gemm_blank(mcuq_word *columns, int32_t count, int32_t taps)
{
    for (int32_t k = 0; k < (2 * taps); k += 4) {
        for (int32_t i = count; i < 4; i++) {
            columns[k + i] = 0;
        }
    }
}

/* What the product needs of channel m; a channel behind the last gives zeros that nobody keeps. */
static inline void mcuq_conv2d_s8_gemm_channel(const mcuq_conv2d_s8_gemm_params *p, int32_t m,
                                               mcuq_gemm_channel *channel)
{
    const int32_t is_real = (m < p->out_c);
    const int32_t right = (is_real != 0) ? p->right[m] : 1;
    channel->bias = (is_real != 0) ? p->bias[m] : 0;
    channel->multiplier = (is_real != 0) ? p->multiplier[m] : 0;
    channel->right = right;
    channel->offset = mcuq_offset_dsp(right, p->y_zero_point);
}

/* Two channels of `count` pixels from a block of 2 x 4 codes into y, limited. */
MCUQ_KERNEL void mcuq_conv2d_s8_gemm_keep(const mcuq_conv2d_s8_gemm_params *p, const int8_t *codes, int32_t m,
                                          int8_t *y, int32_t count)
{
    const int32_t channels = ((m + 1) < p->out_c) ? 2 : 1;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t c = 0; c < channels; c++) {
            y[(i * p->out_c) + c] = mcuq_clamp(codes[(2 * i) + c], p->lo, p->hi);
        }
    }
}

/*
 * All channels of `count` (1 to 4) pixels whose windows stand in `columns`. The product writes straight into y
 * where nothing is to be left out or limited further, else by way of a small block.
 */
MCUQ_KERNEL void mcuq_conv2d_s8_gemm_pixels(const mcuq_conv2d_s8_gemm_params *p, const mcuq_word *columns,
                                            int8_t *y, int32_t count)
{
    const int32_t taps = p->kernel_h * p->row_c;
    const int32_t is_whole = (count == 4) && (p->lo == -128) && (p->hi == 127);
    const int8_t *w = p->weights;
    int8_t codes[8];
    mcuq_gemm_block block;
    block.x_main = &columns[2 * (taps & ~15)];
    block.x_end = &columns[2 * taps];
    for (int32_t m = 0; m < p->out_c; m += 2) {
        const int32_t is_direct = (is_whole != 0) && ((m + 1) < p->out_c);
        mcuq_conv2d_s8_gemm_channel(p, m, &block.channels[0]);
        mcuq_conv2d_s8_gemm_channel(p, m + 1, &block.channels[1]);
        block.y = (is_direct != 0) ? &y[m] : codes;
        block.stride = (is_direct != 0) ? p->out_c : 2;
        mcuq_gemm_2x4(columns, w, &block);
        if (is_direct == 0) {
            mcuq_conv2d_s8_gemm_keep(p, codes, m, &y[m], count);
        }
        w = &w[2 * taps];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: 8 * kernel_h * row_c bytes and row_c behind them, aligned to 4; it overlaps nothing.
 * y may overlap x where nothing is read any more: four pixels' windows are read before these pixels are written.
 */
MCUQ_CALLED void mcuq_conv2d_s8_gemm(const mcuq_conv2d_s8_gemm_params *p, const int8_t *x, int8_t *y,
                                     int8_t *scratch)
{
    mcuq_word *const columns = (mcuq_word *)(void *)scratch;
    int8_t *const line = &scratch[8 * p->kernel_h * p->row_c];
    const int32_t pixels = p->out_h * p->out_w;
    for (int32_t image = 0; image < p->n; image++) {
        int32_t oy = 0;
        int32_t ox = 0;
        for (int32_t first = 0; first < pixels; first += 4) {
            const int32_t count = ((pixels - first) < 4) ? (pixels - first) : 4;
            for (int32_t i = 0; i < count; i++) {
                mcuq_conv2d_s8_gemm_window(p, &columns[i], x, (oy * p->stride_h) - p->pad_top,
                                           (ox * p->stride_w) - p->pad_left, line);
                ox++;
                if (ox == p->out_w) {
                    ox = 0;
                    oy++;
                }
            }
            if (count < 4) {
                mcuq_conv2d_s8_gemm_blank(columns, count, p->kernel_h * p->row_c);
            }
            mcuq_conv2d_s8_gemm_pixels(p, columns, y, count);
            y = &y[count * p->out_c];
        }
        x = &x[p->in_h * p->in_w * p->in_c];
    }
}

#endif
