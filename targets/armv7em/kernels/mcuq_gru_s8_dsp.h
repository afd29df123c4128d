/*
 * Gated recurrent units, int8 with an int16 state, for cores with DSP instructions: four units at a time.
 */
#ifndef MCUQ_GRU_S8_DSP_H
#define MCUQ_GRU_S8_DSP_H

#include "mcuq_gru.h"
#include "mcuq_recurrent_dsp.h"

/*
 * Shapes: those of mcuq_gru.h, but for weights, bias, multipliers and shifts: the units of each gate are filled up to a
 * multiple of 4, as mcuq_recurrent_dsp.h reads them.
 */
typedef mcuq_gru_params mcuq_gru_s8_dsp_params;

/* What one element needs: rows of sums, rows of halves of its x and of the output before it, and the state. */
typedef struct {
    mcuq_recurrent_dsp_sums x_sums;
    mcuq_recurrent_dsp_sums h_sums;
    mcuq_recurrent_dsp_sums n_sums;
    int32_t rows; /* of a gate: units filled up to a multiple of 4 */
    mcuq_word *x;
    mcuq_word *h;
    mcuq_word *reset;
    mcuq_int16 *state;
} mcuq_gru_s8_dsp_element;

/* Four gates in Q0.15 whose sums begin with a row. */
MCUQ_KERNEL void mcuq_gru_s8_dsp_gates(const mcuq_gru_s8_dsp_params *p, const mcuq_gru_s8_dsp_element *e, int32_t row,
                                       int32_t gates[4])
{
    int32_t more[4];
    mcuq_recurrent_dsp_four(&e->x_sums, row, e->x, gates);
    mcuq_recurrent_dsp_four(&e->h_sums, row, e->h, more);
    for (int32_t i = 0; i < 4; i++) {
        gates[i] = mcuq_gru_gate(p, gates[i], more[i]);
    }
}

/* The halves of the hidden state's codes h, each reset by its gate. */
MCUQ_KERNEL void mcuq_gru_s8_dsp_reset(const mcuq_gru_s8_dsp_params *p, const mcuq_gru_s8_dsp_element *e,
                                       const int8_t *h)
{
    mcuq_int16 *const to = (mcuq_int16 *)(void *)e->reset;
    for (int32_t u = 0; u < p->units; u += 4) {
        int32_t gates[4];
        mcuq_gru_s8_dsp_gates(p, e, e->rows + u, gates);
        for (int32_t i = 0; (i < 4) && ((u + i) < p->units); i++) {
            to[mcuq_recurrent_dsp_place(u + i)] = mcuq_gru_reset(p, gates[i], h[u + i]);
        }
    }
}

/* One element: the state, and out, codes of up to four units from u on. */
MCUQ_KERNEL void mcuq_gru_s8_dsp_four(const mcuq_gru_s8_dsp_params *p, const mcuq_gru_s8_dsp_element *e, int32_t u,
                                      int8_t *out)
{
    int32_t kept[4];
    int32_t sums[4];
    int32_t inner[4];
    int32_t resets[4] = {0, 0, 0, 0};
    mcuq_gru_s8_dsp_gates(p, e, u, kept);
    mcuq_recurrent_dsp_four(&e->x_sums, (2 * e->rows) + u, e->x, sums);
    mcuq_recurrent_dsp_four(&e->n_sums, u, (p->is_reset_behind != 0) ? e->h : e->reset, inner);
    if (p->is_reset_behind != 0) {
        mcuq_gru_s8_dsp_gates(p, e, e->rows + u, resets);
    }
    for (int32_t i = 0; (i < 4) && ((u + i) < p->units); i++) {
        const int32_t more = (p->is_reset_behind != 0) ? mcuq_gru_inner(p, resets[i], inner[i]) : inner[i];
        out[i] = mcuq_gru_unit(p, kept[i], sums[i] + more, &e->state[u + i]);
    }
}

/*
 * For every element of the sequence, with gates in Q3.12 of its x and of the y before it:
 * y = sigmoid(update) * y before + (1 - sigmoid(update)) * tanh(candidate)
 *
 * scratch: 2 bytes for each of in_c and units, filled up to multiples of 8, again as many for units unless
 * is_reset_behind; units int16; units bytes; aligned to 4. No overlap. No sum leaves int32: proved by the model's
 * compiler.
 */
MCUQ_CALLED void mcuq_gru_s8_dsp(const mcuq_gru_s8_dsp_params *p, const int8_t *x, const int8_t *first,
                                 int8_t *restrict y, int8_t *scratch)
{
    const int32_t x_wide = mcuq_recurrent_dsp_wide(p->in_c);
    const int32_t h_wide = mcuq_recurrent_dsp_wide(p->units);
    mcuq_word *const halves = (mcuq_word *)(void *)scratch;
    mcuq_word *const h_halves = &halves[x_wide / 2];
    mcuq_word *const reset = &h_halves[h_wide / 2];
    mcuq_int16 *const state = (mcuq_int16 *)(void *)((p->is_reset_behind != 0) ? reset : &reset[h_wide / 2]);
    int8_t *const begin = (int8_t *)(void *)&state[p->units];
    const mcuq_gru_s8_dsp_element e = {
        {x_wide, p->x_weights, p->x_bias, p->x_multiplier, p->x_shift},
        {h_wide, p->h_weights, p->h_bias, p->h_multipliers, p->h_shifts},
        {h_wide, p->n_weights, p->n_bias, p->n_multiplier, p->n_shift},
        (p->units + 3) & ~3,
        halves,
        h_halves,
        reset,
        state,
    };
    const int8_t *h = begin;
    mcuq_gru_begin(p, first, begin, state);
    (void)memset(e.reset, 0, (p->is_reset_behind != 0) ? 0U : (2U * (size_t)h_wide)); /* for what lies behind units */
    for (int32_t step = 0; step < p->steps; step++) {
        const int32_t t = (p->is_reverse != 0) ? (p->steps - 1 - step) : step;
        int8_t *const out = &y[t * p->units];
        mcuq_gemm_4x1_expand(halves, &x[t * p->in_c], p->in_c, x_wide);
        mcuq_gemm_4x1_expand(h_halves, h, p->units, h_wide);
        if (p->is_reset_behind == 0) {
            mcuq_gru_s8_dsp_reset(p, &e, h);
        }
        for (int32_t u = 0; u < p->units; u += 4) {
            mcuq_gru_s8_dsp_four(p, &e, u, &out[u]);
        }
        h = out;
    }
}

#endif
