/*
 * Convolution as a matrix product whose input or output is int16, for cores with DSP instructions.
 */
#ifndef MCUQ_CONV2D_MIXED_GEMM_H
#define MCUQ_CONV2D_MIXED_GEMM_H

#include "mcuq_gemm_s16.h"
#include "mcuq_halves_dsp.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. A row of a window is kernel_w * in_c codes that lie
 * together in x; it is filled up to row_c, a multiple of 2, and all rows to wide_c, a multiple of 4, with weights of 0.
 * weights [out_c / 2][wide_c / 2][4] and channels: as mcuq_gemm_s16.h says, the input's zero point folded into the
 * bias; a channel of zeros fills up out_c. right of a channel whose sums are requantized in full: 64 less its shift, 34
 * to 95; it makes its pair slow, as limits other than those of int16, or than 0 and 32767, and codes of int8 make all.
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
    int32_t is_slow;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_conv2d_mixed_gemm_params;

/* Words of the same codes, as every fourth word of `to`; returns where the next goes. */
MCUQ_KERNEL mcuq_word *mcuq_conv2d_mixed_gemm_fill(mcuq_word *to, uint32_t word, int32_t words)
{
    for (int32_t i = 0; i < words; i++) {
        *to = word;
        to = &to[4];
    }
    return to;
}

/* `count` codes of int16, an odd one before a 0, as every fourth word of `to`; returns where the next goes. */
MCUQ_KERNEL mcuq_word *mcuq_conv2d_mixed_gemm_wide(mcuq_word *to, const mcuq_int16 *x, int32_t count)
{
    for (; count >= 8; count -= 8) {
        const uint32_t a = mcuq_load_two(&x[0], 1);
        const uint32_t b = mcuq_load_two(&x[2], 1);
        const uint32_t c = mcuq_load_two(&x[4], 1);
        const uint32_t d = mcuq_load_two(&x[6], 1);
        x = &x[8];
        to[0] = a;
        to[4] = b;
        to[8] = c;
        to[12] = d;
        to = &to[16];
    }
    for (; count >= 2; count -= 2) {
        *to = mcuq_load_two(x, 1);
        to = &to[4];
        x = &x[2];
    }
    if (count > 0) {
        *to = (uint32_t)(int32_t)*x & 0xFFFFU;
        to = &to[4];
    }
    return to;
}

/* Likewise of int8. */
MCUQ_KERNEL mcuq_word *mcuq_conv2d_mixed_gemm_narrow(mcuq_word *to, const int8_t *x, int32_t count)
{
    for (; count >= 4; count -= 4) {
        const uint32_t codes = mcuq_load4(x);
        const uint32_t even = mcuq_sxtb16(codes);
        const uint32_t odd = mcuq_sxtb16_odd(codes);
        x = &x[4];
        to[0] = mcuq_pack_low(even, odd);
        to[4] = mcuq_pack_high(even, odd);
        to = &to[8];
    }
    for (; count >= 2; count -= 2) {
        *to = mcuq_load_two(x, 0);
        to = &to[4];
        x = &x[2];
    }
    if (count > 0) {
        *to = (uint32_t)(int32_t)*x & 0xFFFFU;
        to = &to[4];
    }
    return to;
}

/* Codes from element `at` of x on. */
MCUQ_INLINE mcuq_word *mcuq_conv2d_mixed_gemm_codes(mcuq_word *to, const void *x, int32_t at, int32_t count,
                                                    int32_t is_wide)
{
    if (is_wide != 0) {
        to = mcuq_conv2d_mixed_gemm_wide(to, &((const mcuq_int16 *)x)[at], count);
    } else {
        to = mcuq_conv2d_mixed_gemm_narrow(to, &((const int8_t *)x)[at], count);
    }
    return to;
}

/* Codes first to last of a row of a window, of which the first is x[at], one by one among blanks. */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_edge(mcuq_word *to, const void *x, int32_t at, int32_t first, int32_t last,
                                             int32_t is_wide)
{
    mcuq_int16 *const halves = (mcuq_int16 *)(void *)to;
    for (int32_t k = first; k < last; k++) {
        halves[(8 * (k / 2)) + (k % 2)] = (int16_t)mcuq_mixed_code(x, at + k, is_wide);
    }
}

/* The window of one pixel into every fourth word of `to`. */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_window(const mcuq_conv2d_mixed_gemm_params *p, mcuq_word *to, const void *x,
                                               int32_t first_row, int32_t col, int32_t is_wide)
{
    const int32_t outside = p->x_zero_point;
    const uint32_t blank = ((uint32_t)outside & 0xFFFFU) | ((uint32_t)outside << 16);
    const int32_t most = ((p->in_w - col) < p->kernel_w) ? (p->in_w - col) : p->kernel_w;
    const int32_t left = (col < 0) ? -col : 0;
    const int32_t first = left * p->in_c;
    const int32_t last = ((most > left) ? most : left) * p->in_c;
    const int32_t is_whole = (first == 0) && (most == p->kernel_w);
    const int32_t step = p->in_w * p->in_c;
    int32_t at = ((first_row * p->in_w) + col) * p->in_c;
    for (int32_t row = first_row; row < (first_row + p->kernel_h); row++) {
        mcuq_word *const next = &to[2 * p->row_c];
        if ((row < 0) || (row >= p->in_h)) {
            (void)mcuq_conv2d_mixed_gemm_fill(to, blank, p->row_c / 2);
        } else if (is_whole != 0) {
            (void)mcuq_conv2d_mixed_gemm_codes(to, x, at, last, is_wide);
        } else if ((p->in_c % 2) == 0) {
            to = mcuq_conv2d_mixed_gemm_fill(to, blank, first / 2);
            to = mcuq_conv2d_mixed_gemm_codes(to, x, at + first, last - first, is_wide);
            (void)mcuq_conv2d_mixed_gemm_fill(to, blank, (p->row_c - last) / 2);
        } else {
            (void)mcuq_conv2d_mixed_gemm_fill(to, blank, p->row_c / 2);
            mcuq_conv2d_mixed_gemm_edge(to, x, at, first, last, is_wide);
        }
        to = next;
        at += step;
    }
}

/* Two channels of `count` pixels from their sums; m: the first, y: its code of the first pixel. */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_keep(const mcuq_conv2d_mixed_gemm_params *p, const int32_t *sums, int32_t m,
                                             void *y, int32_t at, int32_t count, int32_t is_wide)
{
    const int32_t channels = ((m + 1) < p->out_c) ? 2 : 1;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t *const channel = &p->channels[(m + c) * MCUQ_GEMM_S16_CHANNEL];
        const int32_t shift = (channel[2] > MCUQ_HALVES_DSP_MOST) ? (64 - channel[2]) : -channel[2];
        for (int32_t i = 0; i < count; i++) {
            const int32_t code = mcuq_requantize(sums[(4 * c) + i], channel[1], shift) + p->y_zero_point;
            const int32_t place = at + (i * p->out_c) + c;
            if (is_wide != 0) {
                ((mcuq_int16 *)y)[place] = mcuq_clamp_s16(code, p->lo, p->hi);
            } else {
                ((int8_t *)y)[place] = mcuq_clamp(code, p->lo, p->hi);
            }
        }
    }
}

/* How many of the next pairs of channels have fast scales. */
MCUQ_KERNEL int32_t mcuq_conv2d_mixed_gemm_run(const mcuq_conv2d_mixed_gemm_params *p, int32_t m)
{
    int32_t run = 0;
    for (; (m + 1) < p->out_c; m += 2) {
        const int32_t *const pair = &p->channels[m * MCUQ_GEMM_S16_CHANNEL];
        if ((pair[2] > MCUQ_HALVES_DSP_MOST) ||
            (pair[MCUQ_GEMM_S16_CHANNEL + 2] > MCUQ_HALVES_DSP_MOST)) {
            break;
        }
        run++;
    }
    return run;
}

/*
 * All channels of `count` (1 to 4) pixels whose windows stand in `columns`; at: the first one's place in y. Codes of
 * fewer than four pixels go by way of `block`.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_pixels(const mcuq_conv2d_mixed_gemm_params *p, const mcuq_word *columns,
                                               void *y, int32_t at, int32_t count, int32_t is_wide, mcuq_int16 *block)
{
    const int32_t words = p->wide_c / 2;
    const int32_t is_fast = (is_wide != 0) && (p->is_slow == 0);
    int32_t sums[8];
    mcuq_gemm_s16_walk walk;
    walk.x = columns;
    walk.x_main = &columns[4 * (words & ~7)];
    walk.x_end = &columns[4 * words];
    for (int32_t m = 0; m < p->out_c; m += 2 * walk.pairs) {
        walk.weights = &p->weights[2 * m * words];
        walk.channels = &p->channels[m * MCUQ_GEMM_S16_CHANNEL];
        walk.stride = 2 * p->out_c;
        walk.pairs = (is_fast != 0) ? mcuq_conv2d_mixed_gemm_run(p, m) : 0;
        if (walk.pairs > 0) {
            mcuq_int16 *const codes = &((mcuq_int16 *)y)[at + m];
            walk.y = (count == 4) ? codes : &block[m];
            if (p->lo == 0) {
                mcuq_gemm_s16_positive(&walk);
            } else {
                mcuq_gemm_s16_all(&walk);
            }
            for (int32_t i = 0; (count < 4) && (i < count); i++) {
                (void)memcpy(&codes[i * p->out_c], &block[m + (i * p->out_c)], 4U * (size_t)walk.pairs);
            }
        } else {
            walk.pairs = 1;
            walk.y = (mcuq_int16 *)(void *)sums;
            mcuq_gemm_s16_sums(&walk);
            mcuq_conv2d_mixed_gemm_keep(p, sums, m, y, at + m, count, is_wide);
        }
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * x and y are int16 or int8, as is said of each. scratch: 8 * (wide_c + out_c) bytes, aligned to 4; it overlaps
 * nothing. y may overlap x where nothing is read any more: four pixels' windows are read before these pixels are
 * written.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm(const mcuq_conv2d_mixed_gemm_params *p, const void *x, int32_t is_x_wide,
                                        void *y, int32_t is_y_wide, int8_t *scratch)
{
    mcuq_word *const columns = (mcuq_word *)(void *)scratch;
    mcuq_int16 *const block = (mcuq_int16 *)(void *)&scratch[8 * p->wide_c];
    const int32_t pixels = p->out_h * p->out_w;
    (void)memset(scratch, 0, (size_t)p->wide_c * 8U);
    for (int32_t image = 0; image < p->n; image++) {
        int32_t oy = 0;
        int32_t ox = 0;
        for (int32_t first = 0; first < pixels; first += 4) {
            const int32_t count = ((pixels - first) < 4) ? (pixels - first) : 4;
            for (int32_t i = 0; i < count; i++) {
                mcuq_conv2d_mixed_gemm_window(p, &columns[i], x, (oy * p->stride_h) - p->pad_top,
                                              (ox * p->stride_w) - p->pad_left, is_x_wide);
                ox++;
                if (ox == p->out_w) {
                    ox = 0;
                    oy++;
                }
            }
            const int32_t at = ((image * pixels) + first) * p->out_c;
            mcuq_conv2d_mixed_gemm_pixels(p, columns, y, at, count, is_y_wide, block);
        }
        x = mcuq_mixed_at(x, p->in_h * p->in_w * p->in_c, is_x_wide);
    }
}

#endif
