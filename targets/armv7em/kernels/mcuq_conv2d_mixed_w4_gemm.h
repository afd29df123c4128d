/*
 * Convolution as a matrix product whose input or output is int16, weights of four bits, for cores with DSP
 * instructions.
 */
#ifndef MCUQ_CONV2D_MIXED_W4_GEMM_H
#define MCUQ_CONV2D_MIXED_W4_GEMM_H

#include "mcuq_gemm_4x2_s16_w4.h"
#include "mcuq_mixed_windows.h"

/*
 * Shapes: as mcuq_mixed_windows.h says, but for weights [out_c / 4][wide_c / 2][4], channels and runs, which are as in
 * mcuq_fours_s16.h. No sum of a second or fourth channel, without its bias, leaves [-2^27, 2^27): proved by the model's
 * compiler.
 */
typedef mcuq_conv2d_mixed_gemm_params mcuq_conv2d_mixed_w4_gemm_params;

/*
 * All channels of `count` (1 to 4) pixels whose windows stand in the columns that the walk begins with; at: the first
 * one's place in y; is_plain: as mcuq_fours_s16_plain says.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_w4_gemm_pixels(const mcuq_fours_s16_layer *layer, mcuq_fours_s16_state *state,
                                                  void *y, int32_t at, int32_t count, int32_t is_wide,
                                                  int32_t is_plain)
{
    uint32_t starts[4];
    mcuq_fours_s16_walk *const walk = &state->walk;
    mcuq_gemm_4x2_s16_w4_starts(walk->x, layer->half_wide, starts);
    for (int32_t pixel = 0; pixel < count; pixel += 2) {
        const int32_t pixels = ((pixel + 1) < count) ? 2 : 1;
        walk->begin[0] = starts[pixel];
        walk->begin[1] = starts[pixel + 1];
        if ((is_wide != 0) && (is_plain != 0)) {
            walk->y = &((mcuq_int16 *)y)[at + (pixel * layer->out_c)];
            walk->stride = (pixels == 2) ? (2 * layer->out_c) : 0;
            mcuq_gemm_4x2_s16_w4(walk);
        } else {
            mcuq_fours_s16_begin(layer, state, y, at + (pixel * layer->out_c), pixels);
            while (mcuq_fours_s16_next(layer, state) != 0) {
                mcuq_gemm_4x2_s16_w4(walk);
                mcuq_fours_s16_keep(layer, state, is_wide);
            }
        }
        mcuq_gemm_4x2_s16_w4_move(walk, 2);
    }
    mcuq_gemm_4x2_s16_w4_move(walk, (count > 2) ? -4 : -2);
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * x and y are int16 or int8, as is said of each. scratch: 8 * wide_c bytes, aligned to 4, and 4 * wide_c + 16 behind
 * them where x is int8; it overlaps nothing. y may overlap x where nothing is read any more: four pixels' windows are
 * read before these pixels are written.
 */
MCUQ_INLINE void mcuq_conv2d_mixed_w4_gemm(const mcuq_conv2d_mixed_w4_gemm_params *p, const void *x,
                                           int32_t is_x_wide, void *y, int32_t is_y_wide, int8_t *scratch)
{
    mcuq_word *const columns = (mcuq_word *)(void *)scratch;
    int8_t *const line = &scratch[8 * p->wide_c];
    const mcuq_fours_s16_layer layer = {
        {p->y_zero_point, p->lo, p->hi}, p->out_c, p->wide_c / 2, p->weights, p->channels, p->runs};
    mcuq_fours_s16_state state;
    const int32_t is_plain = mcuq_fours_s16_plain(&layer, &state.walk);
    int32_t at = 0;
    mcuq_gemm_4x2_s16_w4_begin(&state.walk, columns, p->wide_c / 2);
    (void)memset(scratch, 0, (size_t)p->wide_c * 8U);
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_mixed_windows_place place = {0};
        int32_t count = mcuq_mixed_windows_four(p, x, is_x_wide, &place, columns, line);
        while (count > 0) {
            mcuq_conv2d_mixed_w4_gemm_pixels(&layer, &state, y, at, count, is_y_wide, is_plain);
            at += count * p->out_c;
            count = mcuq_mixed_windows_four(p, x, is_x_wide, &place, columns, line);
        }
        x = mcuq_mixed_at(x, p->in_h * p->in_w * p->in_c, is_x_wide);
    }
}

#endif
