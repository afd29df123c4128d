/* One element and several, forwards and backwards, with a state to begin with and without; reset in front and behind. */
#include "proof.h"

#include "families/recurrent.h"
#include "mcuq_gru_s8.h"

static void check(int32_t steps, int32_t in_c, int32_t units, int32_t is_reset_behind)
{
    SYMBOLIC(int8_t, x, steps * in_c);
    SYMBOLIC(int8_t, first, units);
    SYMBOLIC(int8_t, y, steps * units);
    SYMBOLIC(int32_t, scratch, ((((is_reset_behind != 0) ? 3 : 5) * units) + 3) / 4);
    /* Sums of the candidate stay within 2^28 before they are requantized, by a shift to the right where reset in front. */
    const int32_t room = ((int32_t)1 << 28) - (units * 4080 * 128);
    const mcuq_gru_s8_params p = {
        LAYER,
        .is_reset_behind = is_reset_behind,
        .inner_shift = (is_reset_behind != 0) ? proof_number(3, 15) : 15,
        .y_shift = SHIFT,
        X_ROWS(3 * units),
        H_ROWS(2 * units),
        .n_weights = proof_bytes(units * units, -128, 127),
        .n_bias = proof_numbers(units, -room, room),
        .n_multiplier = proof_multipliers(units),
        .n_shift = proof_bytes(units, -31, (is_reset_behind != 0) ? 30 : 0),
        .tanh = proof_tanh(),
    };
    mcuq_gru_s8(&p, x, first, y, (int8_t *)(void *)scratch);
}

void harness(void)
{
    check(2, 1, 1, 0);
    check(2, 1, 1, 1);
    HARNESS_END;
}
