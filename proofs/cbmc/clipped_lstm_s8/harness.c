/* One element and two, with any states to begin with, and cells of any number of fraction bits. */
#include "proof.h"

#include "families/recurrent.h"
#include "mcuq_clipped_lstm_s8.h"

static void check(int32_t steps, int32_t in_c, int32_t units)
{
    SYMBOLIC(int8_t, x, steps * in_c);
    SYMBOLIC(int8_t, h, units);
    SYMBOLIC(mcuq_int16, old, units);
    SYMBOLIC(int8_t, y, steps * units);
    SYMBOLIC(mcuq_int16, cell, units);
    const int32_t limit = proof_number(0, 32768);
    const mcuq_clipped_lstm_s8_params p = {
        .steps = steps,
        .in_c = in_c,
        .units = units,
        .cell_bits = proof_number(0, 15),
        .cell_lo = -limit,
        .cell_hi = (limit > 32767) ? 32767 : limit,
        .x_zero_point = ZERO_POINT,
        .y_zero_point = ZERO_POINT,
        .y_multiplier = MULTIPLIER,
        .y_shift = proof_number(-31, 0),
        X_ROWS(4 * units),
        H_ROWS(4 * units),
        .tanh = proof_halves(256, 0, 32767),
    };
    mcuq_clipped_lstm_s8(&p, x, h, old, y, cell);
}

void harness(void)
{
    check(2, 1, 1);
    HARNESS_END;
}
