/*
 * What kernels of Elman's recurrent layer share: parameters, the state to begin with, and one unit.
 */
#ifndef MCUQ_RNN_H
#define MCUQ_RNN_H

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
} mcuq_rnn_params;

/* The hidden state before the first element of the sequence. */
MCUQ_KERNEL void mcuq_rnn_begin(const mcuq_rnn_params *p, const int8_t *first, int8_t *h)
{
    for (int32_t u = 0; u < p->units; u++) {
        int32_t value = 0;
        if (p->has_initial != 0) {
            value = mcuq_requantize(first[u] - p->h_zero_point, p->h_multiplier, p->h_shift);
        }
        h[u] = mcuq_clamp(value + p->y_zero_point, -128, 127);
    }
}

/* The code of a unit whose gate has this sum in Q3.12. */
static inline int8_t mcuq_rnn_unit(const mcuq_rnn_params *p, int32_t sum)
{
    const int32_t v = mcuq_recurrent_tanh(p->tanh, mcuq_recurrent_limit(sum, p->gate_limit));
    const int32_t value = mcuq_requantize(v, p->y_multiplier, p->y_shift);
    return mcuq_clamp(value + p->y_zero_point, -128, 127);
}

#endif
