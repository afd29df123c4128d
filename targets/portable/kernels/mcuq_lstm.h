/*
 * What kernels of long short-term memory share: parameters, the states to begin with, and one unit.
 */
#ifndef MCUQ_LSTM_H
#define MCUQ_LSTM_H

#include "mcuq_recurrent.h"

/*
 * Shapes: x [steps][in_c], y [steps][units], cell [units]. x_weights [4][units][in_c] and h_weights
 * [4][units][units] in the order input, output, forget, cell, with bias, multipliers and shifts [4][units];
 * peepholes [3][units] or null; tanh [257]. With has_initial the states to
 * begin with, first and old [units]; otherwise they are zero, and nothing is read of these.
 */
typedef struct {
    int32_t steps;
    int32_t in_c;
    int32_t units;
    int32_t is_reverse;
    int32_t gate_limit;
    int32_t cell_bits;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t y_multiplier;
    int32_t y_shift;
    int32_t has_initial;
    int32_t h_zero_point;
    int32_t h_multiplier;
    int32_t h_shift;
    int32_t c_zero_point;
    int32_t c_multiplier;
    int32_t c_shift;
    const int8_t *x_weights;
    const int32_t *x_bias;
    const int32_t *x_multiplier;
    const int8_t *x_shift;
    const int8_t *h_weights;
    const int32_t *h_bias;
    const int32_t *h_multipliers;
    const int8_t *h_shifts;
    const int8_t *peepholes;
    const int32_t *p_multiplier;
    const int8_t *p_shift;
    const int16_t *tanh;
} mcuq_lstm_params;

/* The states before the first element of the sequence. */
MCUQ_KERNEL void mcuq_lstm_begin(const mcuq_lstm_params *p, const int8_t *first, const int8_t *old,
                                    int8_t *h, mcuq_int16 *cell)
{
    for (int32_t u = 0; u < p->units; u++) {
        h[u] = (int8_t)p->y_zero_point;
        cell[u] = 0;
        if (p->has_initial != 0) {
            const int32_t value = mcuq_requantize(first[u] - p->h_zero_point, p->h_multiplier, p->h_shift);
            h[u] = mcuq_clamp(value + p->y_zero_point, -128, 127);
            const int32_t c = mcuq_requantize(old[u] - p->c_zero_point, p->c_multiplier, p->c_shift);
            cell[u] = (int16_t)mcuq_recurrent_limit(c, 32767);
        }
    }
}

/* A gate: its sum, and what the cell c adds through the peephole of a row; none for a row below 0. */
MCUQ_KERNEL int32_t mcuq_lstm_gate(const mcuq_lstm_params *p, int32_t sum, int32_t row, int32_t c)
{
    int32_t value = sum;
    if ((p->peepholes != NULL) && (row >= 0)) {
        value += mcuq_requantize(p->peepholes[row] * c, p->p_multiplier[row], p->p_shift[row]);
    }
    return mcuq_recurrent_limit(value, p->gate_limit);
}

/* One unit: its cell, and its hidden state from the sums of its gates. */
MCUQ_KERNEL int8_t mcuq_lstm_unit(const mcuq_lstm_params *p, int32_t u, const int32_t *sums,
                                     mcuq_int16 *cell)
{
    const int32_t units = p->units;
    const int32_t old = *cell;
    const int32_t input = mcuq_recurrent_sigmoid(p->tanh, mcuq_lstm_gate(p, sums[0], u, old));
    const int32_t forget = mcuq_recurrent_sigmoid(p->tanh, mcuq_lstm_gate(p, sums[2], (2 * units) + u, old));
    const int32_t added = mcuq_recurrent_tanh(p->tanh, mcuq_lstm_gate(p, sums[3], -1, old));
    const int32_t kept = mcuq_recurrent_shift(forget * old, 15);
    const int32_t c =
        mcuq_recurrent_limit(kept + mcuq_recurrent_shift(input * added, 30 - p->cell_bits), 32767);
    *cell = (int16_t)c;
    const int32_t output = mcuq_recurrent_sigmoid(p->tanh, mcuq_lstm_gate(p, sums[1], units + u, c));
    const int32_t v = mcuq_recurrent_limit(c * ((int32_t)1 << (12 - p->cell_bits)), 32767);
    const int32_t value =
        mcuq_requantize(output * mcuq_recurrent_tanh(p->tanh, v), p->y_multiplier, p->y_shift);
    return mcuq_clamp(value + p->y_zero_point, -128, 127);
}

#endif
