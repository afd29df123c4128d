/*
 * Elman's recurrent layer, int8.
 */
#ifndef MCUQ_RNN_S8_H
#define MCUQ_RNN_S8_H

#include "mcuq_rnn.h"

/* Shapes: those of mcuq_rnn.h, weights row after row. */
typedef mcuq_rnn_params mcuq_rnn_s8_params;

/*
 * For every element of the sequence, with a sum in Q3.12 of its x and of the y before it: y = tanh(sum)
 *
 * scratch: units bytes. No overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_rnn_s8(const mcuq_rnn_s8_params *p, const int8_t *x, const int8_t *first,
                             int8_t *restrict y, int8_t *restrict scratch)
{
    const mcuq_recurrent_sums x_sums = {p->in_c,   p->x_zero_point, p->x_weights,
                                        p->x_bias, p->x_multiplier, p->x_shift};
    const mcuq_recurrent_sums h_sums = {p->units,  p->y_zero_point,  p->h_weights,
                                        p->h_bias, p->h_multipliers, p->h_shifts};
    const int8_t *h = scratch;
    mcuq_rnn_begin(p, first, scratch);
    for (int32_t step = 0; step < p->steps; step++) {
        const int32_t t = (p->is_reverse != 0) ? (p->steps - 1 - step) : step;
        const int8_t *const element = &x[t * p->in_c];
        int8_t *const out = &y[t * p->units];
        for (int32_t u = 0; u < p->units; u++) {
            const int32_t sum = mcuq_recurrent_sum(&x_sums, u, element) + mcuq_recurrent_sum(&h_sums, u, h);
            out[u] = mcuq_rnn_unit(p, sum);
        }
        h = out;
    }
}

#endif
