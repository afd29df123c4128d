/* Any limits, in any order. */
#include "proof.h"
#include "mcuq_threshold_s32.h"

static void check(int32_t count)
{
    SYMBOLIC(int32_t, x, count);
    SYMBOLIC(int8_t, y, count);
    const mcuq_threshold_s32_params p = {
        .count = count,
        .lo = nondet_int32(),
        .hi = nondet_int32(),
        .negated = proof_number(0, 1),
    };
    mcuq_threshold_s32(&p, x, y);
}

void harness(void)
{
    check(1);
    check(3);
    HARNESS_END;
}
