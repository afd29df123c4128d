/*
 * What kernels of gated recurrent units share: parameters, the state to begin with, gates, and one unit.
 */
#ifndef MCUQ_GRU_H
#define MCUQ_GRU_H

#include "mcuq_recurrent.h"

/*
 * Shapes: x [steps][in_c], y [steps][units]. x_weights [3][units][in_c] in the order update, reset, candidate,
 * h_weights [2][units][units], n_weights [units][units], with bias, multipliers and shifts per row; tanh [257].
 * With has_initial the state to begin with, first [units]; otherwise it is zero, and nothing is read of it.
 */
typedef struct {
    int32_t steps;
    int32_t in_c;
    int32_t units;
    int32_t is_reverse;
    int32_t is_reset_behind;
    int32_t gate_limit;
    int32_t inner_shift;
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
    const int8_t *n_weights;
    const int32_t *n_bias;
    const int32_t *n_multiplier;
    const int8_t *n_shift;
    const int16_t *tanh;
} mcuq_gru_params;

/* The state before the first element of the sequence, and its codes h. */
MCUQ_KERNEL void mcuq_gru_begin(const mcuq_gru_params *p, const int8_t *first, int8_t *h, mcuq_int16 *state)
{
    for (int32_t u = 0; u < p->units; u++) {
        int32_t value = 0;
        if (p->has_initial != 0) {
            value = mcuq_requantize(first[u] - p->h_zero_point, p->h_multiplier, p->h_shift);
        }
        h[u] = mcuq_clamp(value + p->y_zero_point, -128, 127);
        state[u] = (int16_t)((h[u] - p->y_zero_point) * 128);
    }
}

/* A gate in Q0.15 of the two sums that it adds. */
static inline int32_t mcuq_gru_gate(const mcuq_gru_params *p, int32_t x_sum, int32_t h_sum)
{
    return mcuq_recurrent_sigmoid(p->tanh, mcuq_recurrent_limit(x_sum + h_sum, p->gate_limit));
}

/* A code of the hidden state, reset by a gate: with 4 bits more. */
static inline int16_t mcuq_gru_reset(const mcuq_gru_params *p, int32_t gate, int32_t code)
{
    return (int16_t)mcuq_recurrent_shift(gate * (code - p->y_zero_point), 11);
}

/* A sum of the candidate in Q3.12, reset by a gate. */
static inline int32_t mcuq_gru_inner(const mcuq_gru_params *p, int32_t gate, int32_t sum)
{
    return mcuq_recurrent_shift(gate * mcuq_recurrent_limit(sum, 32767), p->inner_shift);
}

/* One unit: its state, and its code, from its update gate and the sum of its candidate. */
static inline int8_t mcuq_gru_unit(const mcuq_gru_params *p, int32_t kept, int32_t sum, mcuq_int16 *state)
{
    const int32_t candidate = mcuq_recurrent_tanh(p->tanh, mcuq_recurrent_limit(sum, p->gate_limit));
    const int32_t added = mcuq_recurrent_limit(mcuq_requantize(candidate, p->y_multiplier, p->y_shift), 32767);
    const int32_t mixed = mcuq_recurrent_shift((kept * *state) + ((32768 - kept) * added), 15);
    *state = mcuq_clamp_s16(mixed, (-128 - p->y_zero_point) * 128, (127 - p->y_zero_point) * 128);
    return (int8_t)(mcuq_recurrent_shift(*state, 7) + p->y_zero_point);
}

#endif
