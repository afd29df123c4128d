/*
 * Long short-term memory, int8 with an int16 cell.
 */
#ifndef MCUQ_LSTM_S8_H
#define MCUQ_LSTM_S8_H

#include "mcuq_lstm.h"

/* Shapes: those of mcuq_lstm.h, weights row after row. */
typedef mcuq_lstm_params mcuq_lstm_s8_params;

/*
 * For every element of the sequence, with gates in Q3.12 of its x and of the y before it:
 * cell = sigmoid(forget) * cell + sigmoid(input) * tanh(added), y = sigmoid(output) * tanh(cell)
 *
 * scratch: units bytes. No overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_lstm_s8(const mcuq_lstm_s8_params *p, const int8_t *x, const int8_t *first,
                              const int8_t *old, int8_t *restrict y, mcuq_int16 *restrict cell,
                              int8_t *restrict scratch)
{
    const mcuq_recurrent_sums x_sums = {p->in_c, p->x_zero_point, p->x_weights, p->x_bias, p->x_multiplier,
                                        p->x_shift};
    const mcuq_recurrent_sums h_sums = {p->units, p->y_zero_point, p->h_weights, p->h_bias, p->h_multipliers,
                                        p->h_shifts};
    const int8_t *h = scratch;
    mcuq_lstm_begin(p, first, old, scratch, cell);
    for (int32_t step = 0; step < p->steps; step++) {
        const int32_t t = (p->is_reverse != 0) ? (p->steps - 1 - step) : step;
        const int8_t *const element = &x[t * p->in_c];
        int8_t *const out = &y[t * p->units];
        for (int32_t u = 0; u < p->units; u++) {
            int32_t sums[4];
            for (int32_t gate = 0; gate < 4; gate++) {
                const int32_t row = (gate * p->units) + u;
                sums[gate] = mcuq_recurrent_sum(&x_sums, row, element) + mcuq_recurrent_sum(&h_sums, row, h);
            }
            out[u] = mcuq_lstm_unit(p, u, sums, &cell[u]);
        }
        h = out;
    }
}

#endif
