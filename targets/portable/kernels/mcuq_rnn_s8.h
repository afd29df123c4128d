/*
 * Elman's recurrent layer, int8.
 */
#ifndef MCUQ_RNN_S8_H
#define MCUQ_RNN_S8_H

#include "mcuq_recurrent.h"

/*
 * Shapes: x [steps][in_c], y [steps][units]. x_weights [units][in_c], h_weights [units][units], with bias,
 * multipliers and shifts [units]; tanh [257]. With has_initial the state to begin with, first [units];
 * otherwise it is zero, and nothing is read of it.
 */
typedef struct {
    int32_t steps;
    int32_t in_c;
    int32_t units;
    int32_t is_reverse;
    int32_t gate_limit;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t y_multiplier;
    int32_t y_shift;
    int32_t has_initial;
    int32_t h_zero_point;
    int32_t h_multiplier;
    int32_t h_shift;
    const int8_t *x_weights;
    const int32_t *x_bias;
    const int32_t *x_multiplier;
    const int8_t *x_shift;
    const int8_t *h_weights;
    const int32_t *h_bias;
    const int32_t *h_multipliers;
    const int8_t *h_shifts;
    const int16_t *tanh;
} mcuq_rnn_s8_params;

/* The hidden state before the first element of the sequence. */
MCUQ_KERNEL void mcuq_rnn_s8_begin(const mcuq_rnn_s8_params *p, const int8_t *first, int8_t *h)
{
    for (int32_t u = 0; u < p->units; u++) {
        int32_t value = 0;
        if (p->has_initial != 0) {
            value = mcuq_requantize(first[u] - p->h_zero_point, p->h_multiplier, p->h_shift);
        }
        h[u] = mcuq_clamp(value + p->y_zero_point, -128, 127);
    }
}

/*
 * For every element of the sequence, with a sum in Q3.12 of its x and of the y before it: y = tanh(sum)
 *
 * scratch: units bytes. No overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_KERNEL void mcuq_rnn_s8(const mcuq_rnn_s8_params *p, const int8_t *x, const int8_t *first,
                             int8_t *restrict y, int8_t *restrict scratch)
{
    const mcuq_recurrent_sums x_sums = {p->in_c,   p->x_zero_point, p->x_weights,
                                        p->x_bias, p->x_multiplier, p->x_shift};
    const mcuq_recurrent_sums h_sums = {p->units,  p->y_zero_point,  p->h_weights,
                                        p->h_bias, p->h_multipliers, p->h_shifts};
    const int8_t *h = scratch;
    mcuq_rnn_s8_begin(p, first, scratch);
    for (int32_t step = 0; step < p->steps; step++) {
        const int32_t t = (p->is_reverse != 0) ? (p->steps - 1 - step) : step;
        const int8_t *const element = &x[t * p->in_c];
        int8_t *const out = &y[t * p->units];
        for (int32_t u = 0; u < p->units; u++) {
            const int32_t sum = mcuq_recurrent_sum(&x_sums, u, element) + mcuq_recurrent_sum(&h_sums, u, h);
            const int32_t v = mcuq_recurrent_tanh(p->tanh, mcuq_recurrent_limit(sum, p->gate_limit));
            const int32_t value = mcuq_requantize(v, p->y_multiplier, p->y_shift);
            out[u] = mcuq_clamp(value + p->y_zero_point, -128, 127);
        }
        h = out;
    }
}

#endif
