/*
 * 3x3 convolution by Winograd's minimal filtering for 4x4 outputs, exact in integers, int8, for cores with DSP
 * instructions: 36 products of int16 for 144 of int8.
 */
#ifndef MCUQ_CONV2D_S8_WINOGRAD_4X4_H
#define MCUQ_CONV2D_S8_WINOGRAD_4X4_H

#include "mcuq_winograd_4x4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c], weights [out_c / 4][36][wide_c / 2][4], channels
 * [out_c][4], as mcuq_winograd_conv.h says; 36 times the bias.
 */
typedef mcuq_winograd_conv_params mcuq_conv2d_s8_winograd_4x4_params;

/* All channels of two tiles, whose transformed inputs walk->x holds; codes stand behind the sums. */
MCUQ_KERNEL void mcuq_conv2d_s8_winograd_4x4_pair(const mcuq_winograd_conv_params *p, mcuq_winograd_gemm_walk *walk,
                                                  const mcuq_winograd_conv_tiles *tiles, int8_t *y)
{
    int8_t *const codes = (int8_t *)(void *)walk->sums_end;
    const int32_t *odd = p->odd;
    walk->weights = p->weights;
    for (int32_t channel = 0; channel < p->out_c; channel += 4) {
        mcuq_winograd_gemm(walk);
        mcuq_winograd_4x4_output(walk->sums, &p->channels[4 * channel], codes, tiles->count);
        for (; odd[0] < (channel + 4); odd = &odd[MCUQ_CHANNEL_DSP_ODD]) {
            for (int32_t tile = 0; tile < tiles->count; tile++) {
                const mcuq_word *const sums = &walk->sums[(2 * (odd[0] - channel)) + tile];
                mcuq_winograd_4x4_odd(sums, odd, &codes[(64 * tile) + (odd[0] - channel)]);
            }
        }
        mcuq_winograd_conv_scatter(p, 4, tiles, codes, y, channel);
        walk->weights = &walk->weights[MCUQ_WINOGRAD_4X4_POSITIONS * 2 * p->wide_c];
    }
}

/* One image: two tiles at a time, the last by itself where their number is odd. */
MCUQ_KERNEL void mcuq_conv2d_s8_winograd_4x4_image(const mcuq_winograd_conv_params *p, const int8_t *x, int8_t *y,
                                                   mcuq_word *v)
{
    mcuq_word *const sums = &v[MCUQ_WINOGRAD_4X4_POSITIONS * p->wide_c];
    mcuq_winograd_gemm_walk walk = {.x = v, .sums = sums, .sums_end = &sums[8 * MCUQ_WINOGRAD_4X4_POSITIONS]};
    int8_t *const patch = (int8_t *)(void *)&walk.sums_end[32];
    mcuq_winograd_conv_tiles tiles = {.count = 0};
    mcuq_winograd_gemm_plan(&walk, p->wide_c / 2);
    for (int32_t row = 0; row < p->out_h; row += 4) {
        for (int32_t col = 0; col < p->out_w; col += 4) {
            const mcuq_winograd_conv_patch from = mcuq_winograd_conv_find(p, 4, x, row, col, patch);
            mcuq_winograd_4x4_input(&from, p->wide_c, &v[tiles.count]);
            tiles.row[tiles.count] = row;
            tiles.col[tiles.count] = col;
            tiles.count++;
            if (tiles.count == 2) {
                mcuq_conv2d_s8_winograd_4x4_pair(p, &walk, &tiles, y);
                tiles.count = 0;
            }
        }
    }
    if (tiles.count == 1) {
        mcuq_conv2d_s8_winograd_4x4_pair(p, &walk, &tiles, y);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * scratch: 180 * wide_c + 1280 bytes, aligned to 4; it overlaps nothing. y may overlap x where nothing is read any
 * more: of one image, two tiles are read before they are written, row by row of tiles.
 */
MCUQ_CALLED void mcuq_conv2d_s8_winograd_4x4(const mcuq_conv2d_s8_winograd_4x4_params *p, const int8_t *x,
                                             int8_t *y, int8_t *scratch)
{
    mcuq_word *const v = (mcuq_word *)(void *)scratch;
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_conv2d_s8_winograd_4x4_image(p, x, y, v);
        x = &x[p->in_h * p->in_w * p->in_c];
        y = &y[p->out_h * p->out_w * p->out_c];
    }
}

#endif
