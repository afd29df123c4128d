/*
 * Convolution as a matrix product whose input or output is int16, for cores with DSP instructions.
 */
#ifndef MCUQ_CONV2D_MIXED_GEMM_H
#define MCUQ_CONV2D_MIXED_GEMM_H

#include "mcuq_gemm_s16.h"
#include "mcuq_mixed_windows.h"

/* What a walk over windows needs: where they go, lines of int8 codes, and codes of fewer than four pixels. */
typedef struct {
    mcuq_word *columns;
    int8_t *line;
    mcuq_int16 *block;
} mcuq_conv2d_mixed_gemm_room;

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

/* A slow pair of channels from m on. */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_slow(const mcuq_conv2d_mixed_gemm_params *p, mcuq_gemm_s16_walk *walk,
                                             int32_t m, void *y, int32_t at, int32_t count, int32_t is_wide)
{
    int32_t sums[8];
    walk->pairs = 1;
    walk->stride = 0;
    walk->y = (mcuq_int16 *)(void *)sums;
    mcuq_gemm_s16_all(walk);
    mcuq_conv2d_mixed_gemm_keep(p, sums, m, y, at + m, count, is_wide);
}

/* Fast pairs of channels; y: the first code. */
MCUQ_KERNEL void mcuq_conv2d_mixed_gemm_fast(const mcuq_conv2d_mixed_gemm_params *p, mcuq_gemm_s16_walk *walk,
                                             mcuq_int16 *y, int32_t count, mcuq_int16 *block)
{
    walk->stride = 2 * p->out_c;
    walk->y = (count == 4) ? y : block;
    if (p->lo == 0) {
        mcuq_gemm_s16_positive(walk);
    } else {
        mcuq_gemm_s16_all(walk);
    }
    for (int32_t i = 0; (count < 4) && (i < count); i++) {
        (void)memcpy(&y[i * p->out_c], &block[i * p->out_c], 4U * (size_t)walk->pairs);
    }
}

/*
 * All channels of `count` (1 to 4) pixels whose windows stand in the columns; at: the first one's place in y. Codes of
 * fewer than four pixels go by way of a block.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_pixels(const mcuq_conv2d_mixed_gemm_params *p, mcuq_gemm_s16_walk *walk,
                                               void *y, int32_t at, int32_t count, int32_t is_wide, mcuq_int16 *block)
{
    const int32_t *run = p->runs;
    int32_t m = 0;
    walk->weights = p->weights;
    walk->channels = p->channels;
    while (m < p->out_c) {
        walk->pairs = run[0];
        if ((is_wide != 0) && (run[0] > 0)) {
            mcuq_conv2d_mixed_gemm_fast(p, walk, &((mcuq_int16 *)y)[at + m], count, block);
        }
        m += 2 * run[0];
        for (int32_t i = 0; i < run[1]; i++) {
            walk->weights = &p->weights[m * p->wide_c];
            walk->channels = &p->channels[m * MCUQ_GEMM_S16_CHANNEL];
            mcuq_conv2d_mixed_gemm_slow(p, walk, m, y, at, count, is_wide);
            m += 2;
        }
        walk->weights = &p->weights[m * p->wide_c];
        walk->channels = &p->channels[m * MCUQ_GEMM_S16_CHANNEL];
        run = &run[2];
    }
}

/* One image, four pixels at a time; at: its place in y. */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm_image(const mcuq_conv2d_mixed_gemm_params *p, const void *x, int32_t is_x_wide,
                                              void *y, int32_t at, int32_t is_y_wide,
                                              const mcuq_conv2d_mixed_gemm_room *room)
{
    mcuq_gemm_s16_walk walk;
    mcuq_mixed_windows_place place = {0};
    mcuq_gemm_s16_begin(&walk, room->columns, p->wide_c / 2);
    int32_t count = mcuq_mixed_windows_four(p, x, is_x_wide, &place, room->columns, room->line);
    while (count > 0) {
        mcuq_conv2d_mixed_gemm_pixels(p, &walk, y, at, count, is_y_wide, room->block);
        at += count * p->out_c;
        count = mcuq_mixed_windows_four(p, x, is_x_wide, &place, room->columns, room->line);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * x and y are int16 or int8, as is said of each. scratch: 8 * (wide_c + out_c) bytes, aligned to 4, and 4 * wide_c + 16
 * behind them where x is int8; it overlaps nothing. y may overlap x where nothing is read any more: four pixels'
 * windows are read before these pixels are written.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_gemm(const mcuq_conv2d_mixed_gemm_params *p, const void *x, int32_t is_x_wide,
                                        void *y, int32_t is_y_wide, int8_t *scratch)
{
    const mcuq_conv2d_mixed_gemm_room room = {
        .columns = (mcuq_word *)(void *)scratch,
        .line = &scratch[8 * (p->wide_c + p->out_c)],
        .block = (mcuq_int16 *)(void *)&scratch[8 * p->wide_c],
    };
    (void)memset(scratch, 0, (size_t)p->wide_c * 8U);
    for (int32_t image = 0; image < p->n; image++) {
        const int32_t at = image * p->out_h * p->out_w * p->out_c;
        mcuq_conv2d_mixed_gemm_image(p, x, is_x_wide, y, at, is_y_wide, &room);
        x = mcuq_mixed_at(x, p->in_h * p->in_w * p->in_c, is_x_wide);
    }
}

#endif
