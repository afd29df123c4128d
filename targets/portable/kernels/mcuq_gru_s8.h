/*
 * Gated recurrent units, int8 with an int16 state.
 */
#ifndef MCUQ_GRU_S8_H
#define MCUQ_GRU_S8_H

#include "mcuq_gru.h"

/* Shapes: those of mcuq_gru.h, weights row after row. */
typedef mcuq_gru_params mcuq_gru_s8_params;

/* What one element needs: rows of sums, its x, the output before and behind it, and the state between. */
typedef struct {
    mcuq_recurrent_sums x_sums;
    mcuq_recurrent_sums h_sums;
    mcuq_recurrent_sums n_sums;
    const int8_t *x;
    const int8_t *h;
    mcuq_int16 *state;
    mcuq_int16 *reset;
} mcuq_gru_s8_element;

/* The update gate of a unit (row u) or its reset gate (row units + u), Q0.15. */
MCUQ_KERNEL int32_t mcuq_gru_s8_gate(const mcuq_gru_s8_params *p, const mcuq_gru_s8_element *e, int32_t row)
{
    return mcuq_gru_gate(p, mcuq_recurrent_sum(&e->x_sums, row, e->x), mcuq_recurrent_sum(&e->h_sums, row, e->h));
}

/* What the hidden state adds to a unit's candidate, Q3.12. */
MCUQ_KERNEL int32_t mcuq_gru_s8_inner(const mcuq_gru_s8_params *p, const mcuq_gru_s8_element *e, int32_t u)
{
    if (p->is_reset_behind != 0) {
        return mcuq_gru_inner(p, mcuq_gru_s8_gate(p, e, p->units + u), mcuq_recurrent_sum(&e->n_sums, u, e->h));
    }
    int32_t sum = p->n_bias[u];
    for (int32_t k = 0; k < p->units; k++) {
        sum += e->reset[k] * p->n_weights[(u * p->units) + k];
    }
    return mcuq_requantize(sum, p->n_multiplier[u], p->n_shift[u]);
}

/* One element: the state, and out [units], its codes. */
MCUQ_KERNEL void mcuq_gru_s8_advance(const mcuq_gru_s8_params *p, const mcuq_gru_s8_element *e, int8_t *out)
{
    if (p->is_reset_behind == 0) {
        for (int32_t u = 0; u < p->units; u++) {
            e->reset[u] = mcuq_gru_reset(p, mcuq_gru_s8_gate(p, e, p->units + u), e->h[u]);
        }
    }
    for (int32_t u = 0; u < p->units; u++) {
        const int32_t kept = mcuq_gru_s8_gate(p, e, u);
        const int32_t sum = mcuq_recurrent_sum(&e->x_sums, (2 * p->units) + u, e->x) + mcuq_gru_s8_inner(p, e, u);
        out[u] = mcuq_gru_unit(p, kept, sum, &e->state[u]);
    }
}

/*
 * For every element of the sequence, with gates in Q3.12 of its x and of the y before it:
 * y = sigmoid(update) * y before + (1 - sigmoid(update)) * tanh(candidate)
 *
 * scratch: units int16, again as many unless is_reset_behind, and units bytes, aligned to 4. No overlap. No sum
 * leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_gru_s8(const mcuq_gru_s8_params *p, const int8_t *x, const int8_t *first,
                             int8_t *restrict y, int8_t *restrict scratch)
{
    mcuq_int16 *const state = (mcuq_int16 *)(void *)scratch;
    int8_t *const begin = &scratch[((p->is_reset_behind != 0) ? 2 : 4) * p->units];
    mcuq_gru_s8_element e = {
        {p->in_c, p->x_zero_point, p->x_weights, p->x_bias, p->x_multiplier, p->x_shift},
        {p->units, p->y_zero_point, p->h_weights, p->h_bias, p->h_multipliers, p->h_shifts},
        {p->units, p->y_zero_point, p->n_weights, p->n_bias, p->n_multiplier, p->n_shift},
        x,
        begin,
        state,
        &state[p->units],
    };
    mcuq_gru_begin(p, first, begin, state);
    for (int32_t step = 0; step < p->steps; step++) {
        const int32_t t = (p->is_reverse != 0) ? (p->steps - 1 - step) : step;
        e.x = &x[t * p->in_c];
        mcuq_gru_s8_advance(p, &e, &y[t * p->units]);
        e.h = &y[t * p->units];
    }
}

#endif
