/*
 * Elman's recurrent layer, int8, for cores with DSP instructions: four units at a time.
 */
#ifndef MCUQ_RNN_S8_DSP_H
#define MCUQ_RNN_S8_DSP_H

#include "mcuq_recurrent_dsp.h"
#include "mcuq_rnn.h"

/*
 * Shapes: those of mcuq_rnn.h, but for weights, bias, multipliers and shifts: units are filled up to a multiple of 4,
 * as mcuq_recurrent_dsp.h reads them.
 */
typedef mcuq_rnn_params mcuq_rnn_s8_dsp_params;

/*
 * For every element of the sequence, with a sum in Q3.12 of its x and of the y before it: y = tanh(sum)
 *
 * scratch: 2 bytes for each of in_c and units, filled up to multiples of 8, then units bytes, aligned to 4. No overlap.
 * No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_rnn_s8_dsp(const mcuq_rnn_s8_dsp_params *p, const int8_t *x, const int8_t *first,
                                 int8_t *restrict y, int8_t *scratch)
{
    const mcuq_recurrent_dsp_sums x_sums = {mcuq_recurrent_dsp_wide(p->in_c), p->x_weights, p->x_bias,
                                            p->x_multiplier, p->x_shift};
    const mcuq_recurrent_dsp_sums h_sums = {mcuq_recurrent_dsp_wide(p->units), p->h_weights, p->h_bias,
                                            p->h_multipliers, p->h_shifts};
    mcuq_word *const x_wide = (mcuq_word *)(void *)scratch;
    mcuq_word *const h_wide = &x_wide[x_sums.wide / 2];
    int8_t *const begin = &scratch[2 * (x_sums.wide + h_sums.wide)];
    const int8_t *h = begin;
    mcuq_rnn_begin(p, first, begin);
    for (int32_t step = 0; step < p->steps; step++) {
        const int32_t t = (p->is_reverse != 0) ? (p->steps - 1 - step) : step;
        int8_t *const out = &y[t * p->units];
        mcuq_gemm_4x1_expand(x_wide, &x[t * p->in_c], p->in_c, x_sums.wide);
        mcuq_gemm_4x1_expand(h_wide, h, p->units, h_sums.wide);
        for (int32_t u = 0; u < p->units; u += 4) {
            const int32_t count = ((p->units - u) < 4) ? (p->units - u) : 4;
            int32_t sums[4];
            int32_t more[4];
            mcuq_recurrent_dsp_four(&x_sums, u, x_wide, sums);
            mcuq_recurrent_dsp_four(&h_sums, u, h_wide, more);
            for (int32_t i = 0; i < count; i++) {
                out[u + i] = mcuq_rnn_unit(p, sums[i] + more[i]);
            }
        }
        h = out;
    }
}

#endif
