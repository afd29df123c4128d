/* One element and several, forwards and backwards, with states to begin with, with and without peepholes. */
#include "proof.h"

#include "families/recurrent.h"
#include "mcuq_lstm_s8.h"

static void check(int32_t steps, int32_t in_c, int32_t units, int32_t has_peepholes)
{
    SYMBOLIC(int8_t, x, steps * in_c);
    SYMBOLIC(int8_t, first, units);
    SYMBOLIC(int8_t, old, units);
    SYMBOLIC(int8_t, y, steps * units);
    SYMBOLIC(mcuq_int16, cell, units);
    SYMBOLIC(int8_t, scratch, units);
    const mcuq_lstm_s8_params p = {
        .steps = steps,
        .in_c = in_c,
        .units = units,
        .is_reverse = proof_number(0, 1),
        .gate_limit = proof_number(0, 32767),
        .cell_bits = proof_number(9, 12),
        .x_zero_point = ZERO_POINT,
        .y_zero_point = ZERO_POINT,
        .y_multiplier = MULTIPLIER,
        .y_shift = proof_number(-31, 0),
        .has_initial = proof_number(0, 1),
        .h_zero_point = ZERO_POINT,
        .h_multiplier = MULTIPLIER,
        .h_shift = SHIFT,
        .c_zero_point = ZERO_POINT,
        .c_multiplier = MULTIPLIER,
        .c_shift = SHIFT,
        ROWS(x, 4 * units, in_c),
        .x_multiplier = proof_multipliers(4 * units),
        .x_shift = proof_shifts(4 * units),
        ROWS(h, 4 * units, units),
        .h_multipliers = proof_multipliers(4 * units),
        .h_shifts = proof_shifts(4 * units),
        .peepholes = (has_peepholes != 0) ? proof_bytes(3 * units, -128, 127) : NULL,
        .p_multiplier = proof_multipliers(3 * units),
        .p_shift = proof_bytes(3 * units, -31, 0),
        .tanh = proof_tanh(),
    };
    mcuq_lstm_s8(&p, x, first, old, y, cell, scratch);
}

void harness(void)
{
    check(2, 1, 1, 0);
    check(1, 1, 1, 1);
    HARNESS_END;
}
