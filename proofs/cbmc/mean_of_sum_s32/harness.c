/* Sums of any value, which are limited; limit and offset stay in int32. */
#include "proof.h"
#include "mcuq_mean_of_sum_s32.h"

static void check(int32_t count)
{
    SYMBOLIC(int32_t, x, count);
    SYMBOLIC(int8_t, y, count);
    const int32_t limit = proof_number(1, INT32_MAX / 2);
    const int32_t room = INT32_MAX - limit;
    const int32_t lo = proof_number(-128, 127);
    const mcuq_mean_of_sum_s32_params p = {
        .count = count,
        .limit = limit,
        .offset = proof_number(-room, room),
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .y_zero_point = ZERO_POINT,
        .lo = lo,
        .hi = proof_number(lo, 127),
    };
    mcuq_mean_of_sum_s32(&p, x, y);
}

void harness(void)
{
    check(1);
    check(3);
    HARNESS_END;
}
