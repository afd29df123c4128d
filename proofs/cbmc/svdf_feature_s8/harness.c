/* A memory of one value and of several, also in place, of several filters and rows. */
#include "proof.h"
#include "mcuq_svdf_feature_s8.h"

static void check(int32_t rows, int32_t in_c, int32_t filters, int32_t memory)
{
    SYMBOLIC(int8_t, x, rows * in_c);
    SYMBOLIC(mcuq_int16, state, rows * filters * memory);
    SYMBOLIC(mcuq_int16, y, rows * filters * memory);
    const mcuq_svdf_feature_s8_params p = {
        .rows = rows,
        .in_c = in_c,
        .filters = filters,
        .memory = memory,
        .x_zero_point = ZERO_POINT,
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .weights = proof_bytes(filters * in_c, -128, 127),
    };
    mcuq_svdf_feature_s8(&p, x, state, y);
    mcuq_svdf_feature_s8(&p, x, state, state);
}

void harness(void)
{
    check(1, 2, 1, 1);
    check(2, 1, 2, 3);
    HARNESS_END;
}
