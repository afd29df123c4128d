/* One pixel and several, one channel and several. */
#include "proof.h"
#include "mcuq_sum_rows_s8.h"

static void check(int32_t pixels, int32_t channels)
{
    SYMBOLIC(int8_t, x, pixels * channels);
    SYMBOLIC(int32_t, y, channels);
    const mcuq_sum_rows_s8_params p = {.pixels = pixels, .channels = channels};
    mcuq_sum_rows_s8(&p, x, y);
}

void harness(void)
{
    check(1, 1);
    check(3, 2);
    HARNESS_END;
}
