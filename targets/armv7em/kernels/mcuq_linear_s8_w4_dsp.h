/*
 * Fully connected, int8, weights of four bits of four channels in one halfword, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_S8_W4_DSP_H
#define MCUQ_LINEAR_S8_W4_DSP_H

#include "mcuq_gemm_8x1_w4.h"
#include "mcuq_linear_s8_paired.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]. wide_c is in_c filled up to a multiple of 4 with weights of 0.
 * weights [out_c / 8][wide_c / 2][8]: as mcuq_gemm_8x1_w4 reads them, codes 0 and 2 before 1 and 3 of four.
 * channels: as there, the input's zero point folded into the bias. Channels of zeros fill up the last eight.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t wide_c;
    int32_t out_c;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_linear_s8_w4_dsp_params;

/* All channels of a row: eights of short forms at once, others one by one, the last by way of a block. */
MCUQ_KERNEL void mcuq_linear_s8_w4_dsp_row(const mcuq_linear_s8_w4_dsp_params *p, mcuq_gemm_8x1_w4_walk *walk,
                                           int8_t *y)
{
    walk->channels = p->channels;
    for (int32_t m = 0; m < p->out_c; m += 8 * walk->groups) {
        const int32_t *next = walk->channels;
        walk->weights = &p->weights[(m / 2) * p->wide_c];
        walk->groups = mcuq_gemm_8x1_w4_run(walk->channels, (p->out_c - m) / 8, &next);
        if (walk->groups > 0) {
            walk->y = &y[m];
            mcuq_gemm_8x1_w4(walk);
        } else {
            int8_t codes[8];
            walk->groups = 1;
            mcuq_gemm_8x1_w4_any(walk, &next, codes);
            for (int32_t i = 0; (i < 8) && ((m + i) < p->out_c); i++) {
                y[m + i] = codes[i];
            }
        }
        walk->channels = next;
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * scratch: 2 * wide_c bytes, aligned to 4; it overlaps nothing. y may overlap x where nothing is read any more: a
 * row is read before it is written.
 */
MCUQ_CALLED void mcuq_linear_s8_w4_dsp(const mcuq_linear_s8_w4_dsp_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    mcuq_word *const wide = (mcuq_word *)(void *)scratch;
    mcuq_gemm_8x1_w4_walk walk;
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_linear_s8_paired_expand(wide, x, p->in_c);
        mcuq_gemm_8x1_w4_start(&walk, wide, p->wide_c);
        mcuq_linear_s8_w4_dsp_row(p, &walk, y);
        if ((p->lo != -128) || (p->hi != 127)) {
            for (int32_t i = 0; i < p->out_c; i++) {
                y[i] = mcuq_clamp(y[i], p->lo, p->hi);
            }
        }
        x = &x[p->in_c];
        y = &y[p->out_c];
    }
}

#endif
