/*
 * Fully connected layers whose input or output is int16, weights of four bits, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_MIXED_W4_DSP_H
#define MCUQ_LINEAR_MIXED_W4_DSP_H

#include "mcuq_gemm_4x1_s16_w4.h"
#include "mcuq_halves_row.h"

/*
 * Shapes: x [rows][in_c], in_c below 2^16, y [rows][out_c]. weights [out_c / 4][wide_c / 2][4]: as mcuq_fours_s16.h
 * says; weights of 0 fill up in_c to wide_c, a multiple of 4, channels of zeros out_c. channels and runs: as there, the
 * input's zero point folded into the bias.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t wide_c;
    int32_t out_c;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
    const int32_t *runs;
} mcuq_linear_mixed_w4_dsp_params;

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * x and y are int16 or int8, as is said of each. scratch: 2 * wide_c bytes, aligned to 4; it overlaps nothing. y may
 * overlap x where nothing is read any more: a row is read before it is written.
 */
MCUQ_INLINE void mcuq_linear_mixed_w4_dsp(const mcuq_linear_mixed_w4_dsp_params *p, const void *x, int32_t is_x_wide,
                                          void *y, int32_t is_y_wide, int8_t *scratch)
{
    mcuq_word *const wide = (mcuq_word *)(void *)scratch;
    const mcuq_fours_s16_layer layer = {
        {p->y_zero_point, p->lo, p->hi}, p->out_c, p->wide_c / 2, p->weights, p->channels, p->runs};
    mcuq_fours_s16_state state;
    const int32_t is_plain = mcuq_fours_s16_plain(&layer, &state.walk);
    state.walk.stride = 0;
    (void)memset(scratch, 0, 2U * (size_t)p->wide_c);
    for (int32_t row = 0; row < p->rows; row++) {
        const int32_t sum = mcuq_halves_row_expand(wide, x, p->in_c, is_x_wide);
        mcuq_gemm_4x1_s16_w4_begin(&state.walk, wide, p->wide_c, sum);
        if ((is_y_wide != 0) && (is_plain != 0)) {
            state.walk.y = &((mcuq_int16 *)y)[row * p->out_c];
            mcuq_gemm_4x1_s16_w4(&state.walk);
        } else {
            mcuq_fours_s16_begin(&layer, &state, y, row * p->out_c, 1);
            while (mcuq_fours_s16_next(&layer, &state) != 0) {
                mcuq_gemm_4x1_s16_w4(&state.walk);
                mcuq_fours_s16_keep(&layer, &state, is_y_wide);
            }
        }
        x = mcuq_mixed_at(x, p->in_c, is_x_wide);
    }
}

#endif
