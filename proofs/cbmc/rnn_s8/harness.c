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
        LAYER,
        .y_shift = SHIFT,
        X_ROWS(units),
        H_ROWS(units),
        .tanh = proof_tanh(),
    };
    mcuq_rnn_s8(&p, x, first, y, scratch);
}

void harness(void)
{
    check(2, 1, 1);
    HARNESS_END;
}
