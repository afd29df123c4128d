/*
 * Long short-term memory, int8 with an int16 cell, that goes on from run to run; in the integers of TensorFlow Lite.
 */
#ifndef MCUQ_CLIPPED_LSTM_S8_H
#define MCUQ_CLIPPED_LSTM_S8_H

#include "mcuq_recurrent.h"

/*
 * Shapes: x [steps][in_c], y [steps][units], states [units]. x_weights [4][units][in_c] and h_weights
 * [4][units][units] in the order input, output, forget, cell, with bias, multipliers and shifts [4][units];
 * tanh [256]. The cell has cell_bits fraction bits, 0 to 15, and is limited to [cell_lo, cell_hi].
 */
typedef struct {
    int32_t steps;
    int32_t in_c;
    int32_t units;
    int32_t cell_bits;
    int32_t cell_lo;
    int32_t cell_hi;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t y_multiplier;
    int32_t y_shift;
    const int8_t *x_weights;
    const int32_t *x_bias;
    const int32_t *x_multiplier;
    const int8_t *x_shift;
    const int8_t *h_weights;
    const int32_t *h_bias;
    const int32_t *h_multipliers;
    const int8_t *h_shifts;
    const int16_t *tanh;
} mcuq_clipped_lstm_s8_params;

/* tanh(v / (48 * 2^bits)) with 15 + bits fraction bits, linear between entries; 0 <= v < 2^30, bits: 8 or 9. */
static inline int32_t mcuq_clipped_lstm_s8_line(const int16_t *table, int32_t v, int32_t bits)
{
    const int32_t index = v >> bits;
    if (index >= 255) {
        return 32767 * ((int32_t)1 << bits);
    }
    const int32_t rest = v & (((int32_t)1 << bits) - 1);
    return (table[index] * ((int32_t)1 << bits)) + (rest * (table[index + 1] - table[index]));
}

/* sigmoid of a gate in Q3.12, limited to int16, as Q0.15. */
static inline int32_t mcuq_clipped_lstm_s8_sigmoid(const int16_t *table, int32_t v)
{
    const int32_t gate = mcuq_clamp_s16(v, -32768, 32767);
    const int32_t line = mcuq_clipped_lstm_s8_line(table, 3 * ((gate < 0) ? -gate : gate), 9);
    const int32_t one = (int32_t)1 << 24;
    return ((gate < 0) ? ((one - line) + 511) : (one + line + 512)) >> 10;
}

/* tanh of an int16 with bits fraction bits, 0 to 15, as Q0.15. */
static inline int32_t mcuq_clipped_lstm_s8_tanh(const int16_t *table, int32_t v, int32_t bits)
{
    int32_t u = 3 * v;
    if (bits > 12) {
        u = (u + ((int32_t)1 << (bits - 13))) >> (bits - 12);
    } else {
        u *= (int32_t)1 << (12 - bits);
    }
    const int32_t line = mcuq_clipped_lstm_s8_line(table, (u < 0) ? -u : u, 8);
    return ((u < 0) ? (127 - line) : (128 + line)) >> 8;
}

/* One unit: its cell, and its hidden state from the sums of its gates. */
static inline int8_t mcuq_clipped_lstm_s8_unit(const mcuq_clipped_lstm_s8_params *p, const int32_t *sums,
                                               mcuq_int16 *cell)
{
    const int32_t half = (int32_t)1 << 30;
    const int32_t added = mcuq_clipped_lstm_s8_sigmoid(p->tanh, sums[0]) *
                          mcuq_clipped_lstm_s8_tanh(p->tanh, mcuq_clamp_s16(sums[3], -32768, 32767), 12);
    const int32_t kept = mcuq_clipped_lstm_s8_sigmoid(p->tanh, sums[2]) * *cell;
    const int32_t c = mcuq_requantize(kept, half, -14) + mcuq_requantize(added, half, p->cell_bits - 29);
    *cell = mcuq_clamp_s16(c, p->cell_lo, p->cell_hi);
    const int32_t y = mcuq_clipped_lstm_s8_tanh(p->tanh, *cell, p->cell_bits) *
                      mcuq_clipped_lstm_s8_sigmoid(p->tanh, sums[1]);
    return mcuq_clamp(mcuq_requantize(y, p->y_multiplier, p->y_shift) + p->y_zero_point, -128, 127);
}

/*
 * For every element of the sequence, with gates in Q3.12 of its x and of the y before it, first of all that of h:
 * cell = clip(sigmoid(forget) * cell + sigmoid(input) * tanh(added)), y = sigmoid(output) * tanh(cell)
 *
 * The cell begins as old. No overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_clipped_lstm_s8(const mcuq_clipped_lstm_s8_params *p, const int8_t *x, const int8_t *h,
                                      const mcuq_int16 *old, int8_t *restrict y, mcuq_int16 *restrict cell)
{
    const mcuq_recurrent_sums x_sums = {p->in_c, p->x_zero_point, p->x_weights, p->x_bias, p->x_multiplier,
                                        p->x_shift};
    const mcuq_recurrent_sums h_sums = {p->units, p->y_zero_point, p->h_weights, p->h_bias, p->h_multipliers,
                                        p->h_shifts};
    const int8_t *before = h;
    (void)memcpy(cell, old, (size_t)p->units * sizeof *cell);
    for (int32_t t = 0; t < p->steps; t++) {
        const int8_t *const element = &x[t * p->in_c];
        int8_t *const out = &y[t * p->units];
        for (int32_t u = 0; u < p->units; u++) {
            int32_t sums[4];
            for (int32_t gate = 0; gate < 4; gate++) {
                const int32_t row = (gate * p->units) + u;
                const int32_t of_x = mcuq_recurrent_sum(&x_sums, row, element);
                const int32_t of_h = mcuq_recurrent_sum(&h_sums, row, before);
                sums[gate] = mcuq_clamp_s16(of_x, -32768, 32767) + mcuq_clamp_s16(of_h, -32768, 32767);
            }
            out[u] = mcuq_clipped_lstm_s8_unit(p, sums, &cell[u]);
        }
        before = out;
    }
}

#endif
