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
        LAYER,
        .cell_bits = proof_number(9, 12),
        .y_shift = proof_number(-31, 0),
        .c_zero_point = ZERO_POINT,
        .c_multiplier = MULTIPLIER,
        .c_shift = SHIFT,
        X_ROWS(4 * units),
        H_ROWS(4 * units),
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
