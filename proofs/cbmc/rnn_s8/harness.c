/* One element and several, forwards and backwards, with a state to begin with and without. */
#include "proof.h"

#include "families/recurrent.h"
#include "mcuq_rnn_s8.h"

static void check(int32_t steps, int32_t in_c, int32_t units)
{
    SYMBOLIC(int8_t, x, steps * in_c);
    SYMBOLIC(int8_t, first, units);
    SYMBOLIC(int8_t, y, steps * units);
    SYMBOLIC(int8_t, scratch, units);
    const mcuq_rnn_s8_params p = {
        .steps = steps,
        .in_c = in_c,
        .units = units,
        .is_reverse = proof_number(0, 1),
        .gate_limit = proof_number(0, 32767),
        .x_zero_point = ZERO_POINT,
        .y_zero_point = ZERO_POINT,
        .y_multiplier = MULTIPLIER,
        .y_shift = SHIFT,
        .has_initial = proof_number(0, 1),
        .h_zero_point = ZERO_POINT,
        .h_multiplier = MULTIPLIER,
        .h_shift = SHIFT,
        ROWS(x, units, in_c),
        .x_multiplier = proof_multipliers(units),
        .x_shift = proof_shifts(units),
        ROWS(h, units, units),
        .h_multipliers = proof_multipliers(units),
        .h_shifts = proof_shifts(units),
        .tanh = proof_tanh(),
    };
    mcuq_rnn_s8(&p, x, first, y, scratch);
}

void harness(void)
{
    check(2, 1, 1);
    HARNESS_END;
}
