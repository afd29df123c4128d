/*
 * A single element, several, several rows, in place as well. The logarithm by what proofs/exhaustive shows of it for every
 * sum, in place of its digits; inner values stay below 2^29, as the model's compiler proves.
 */
#include "proof.h"
#include "mcuq_log_softmax_s8.h"

#include "families/softmax.h"

int32_t proof_log(int32_t sum)
{
    ASSERT(sum >= ((int32_t)1 << 19), "the argument of the logarithm is at least 2^19");
    return proof_number(0, ((int32_t)12 << 16) - 1);
}

/* A shift to the left by which values of at most `most` stay below 2^29; any to the right. */
static int32_t proof_inner_shift(int32_t most)
{
    const int32_t shift = SHIFT;
    ASSUME((shift <= 0) || (most <= (((int32_t)1 << 29) >> shift)));
    return shift;
}

static void check(int32_t rows, int32_t count)
{
    SYMBOLIC(int8_t, x, rows * count);
    SYMBOLIC(int8_t, y, rows * count);
    const mcuq_log_softmax_s8_params p = {
        .rows = rows,
        .count = count,
        .x_multiplier = MULTIPLIER,
        .x_shift = proof_inner_shift(255),
        .log_multiplier = MULTIPLIER,
        .log_shift = proof_inner_shift((int32_t)12 << 16),
        .y_multiplier = MULTIPLIER,
        .y_shift = proof_number(-31, 0),
        .y_zero_point = ZERO_POINT,
        .exponentials = proof_exponentials(256),
    };
    mcuq_log_softmax_s8(&p, x, y);
    mcuq_log_softmax_s8(&p, x, x);
}

void harness(void)
{
    check(1, 1);
    check(2, 2);
    HARNESS_END;
}
