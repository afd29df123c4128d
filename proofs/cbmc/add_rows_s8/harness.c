/* Sums of any value before, which are limited; in place as well. */
#include "proof.h"
#include "mcuq_add_rows_s8.h"

static void check(int32_t pixels, int32_t channels)
{
    SYMBOLIC(int8_t, x, pixels * channels);
    SYMBOLIC(int32_t, before, channels);
    SYMBOLIC(int32_t, y, channels);
    const mcuq_add_rows_s8_params p = {
        .pixels = pixels,
        .channels = channels,
        .limit = proof_number(1, INT32_MAX - (128 * pixels)),
    };
    mcuq_add_rows_s8(&p, before, x, y);
    mcuq_add_rows_s8(&p, before, x, before);
}

void harness(void)
{
    check(1, 1);
    check(3, 2);
    HARNESS_END;
}
