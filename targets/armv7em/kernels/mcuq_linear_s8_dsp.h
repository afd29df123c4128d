/*
 * Fully connected, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_S8_DSP_H
#define MCUQ_LINEAR_S8_DSP_H

#include "mcuq_gemm_4x1.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]. wide_c is in_c filled up to a multiple of 8 with weights of 0.
 * weights [out_c / 4][wide_c / 4][16]: four channels a to d as a0 b0 a2 b2, c0 d0 c2 d2, a1 b1 a3 b3, c1 d1 c3 d3;
 * channels of zeros fill up out_c. bias [out_c] with the zero point folded in, multiplier and right [out_c].
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t wide_c;
    int32_t out_c;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *right;
} mcuq_linear_s8_dsp_params;

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * scratch: 2 * wide_c bytes, aligned to 4; it overlaps nothing. y may overlap x where nothing is read any more: a
 * row is read before it is written.
 */
MCUQ_CALLED void mcuq_linear_s8_dsp(const mcuq_linear_s8_dsp_params *p, const int8_t *x, int8_t *y,
                                    int8_t *scratch)
{
    mcuq_word *const wide = (mcuq_word *)(void *)scratch;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        mcuq_gemm_4x1_expand(wide, x, p->in_c, p->wide_c);
        for (int32_t m = 0; m < p->out_c; m += 4) {
            const int32_t count = ((p->out_c - m) < 4) ? (p->out_c - m) : 4;
            int32_t sums[4] = {0, 0, 0, 0};
            (void)memcpy(sums, &p->bias[m], (size_t)count * sizeof sums[0]);
            mcuq_gemm_4x1(wide, w, &wide[p->wide_c / 2], sums);
            for (int32_t i = 0; i < count; i++) {
                const int32_t right = p->right[m + i];
                const int32_t offset = mcuq_offset_dsp(right, p->y_zero_point);
                const int32_t code = mcuq_requantize_dsp(sums[i], p->multiplier[m + i], right, offset);
                const int32_t above = (code < p->lo) ? p->lo : code;
                *y = (int8_t)((above > p->hi) ? p->hi : above);
                y++;
            }
            w = &w[4 * p->wide_c];
        }
        x = &x[p->in_c];
    }
}

#endif
