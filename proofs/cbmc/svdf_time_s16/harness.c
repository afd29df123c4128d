/* Sums over memories of one and several values, limited as the shift asks for. */
#include "proof.h"
#include "mcuq_svdf_time_s16.h"

static void check(int32_t rows, int32_t units, int32_t depth)
{
    SYMBOLIC(mcuq_int16, x, rows * units * depth);
    SYMBOLIC(int8_t, y, rows * units);
    SYMBOLIC(int32_t, bias, units);
    const int32_t shift = SHIFT;
    const int32_t lo = proof_number(-128, 127);
    const mcuq_svdf_time_s16_params p = {
        .rows = rows,
        .units = units,
        .depth = depth,
        .multiplier = MULTIPLIER,
        .shift = shift,
        .limit = (shift < 0) ? INT32_MAX : ((INT32_MAX - 256) >> shift),
        .y_zero_point = ZERO_POINT,
        .lo = lo,
        .hi = proof_number(lo, 127),
        .weights = proof_halves(units * depth, -32768, 32767),
        .bias = bias,
    };
    mcuq_svdf_time_s16(&p, x, y);
}

void harness(void)
{
    check(1, 1, 2);
    check(2, 2, 1);
    HARNESS_END;
}
