/* Outputs by fours and what the last four lack, of biases that hold the input's zero point; weights of four bits. */
#include "proof.h"
#include "mcuq_linear_s8_w4_4x1.h"

static void check(int32_t rows, int32_t in_c, int32_t out_c)
{
    const int32_t fours = (out_c + 3) / 4;
    SYMBOLIC(int8_t, x, rows * in_c);
    SYMBOLIC(int8_t, y, rows * out_c);
    const int32_t lo = proof_number(-128, 127);
    const mcuq_linear_s8_w4_4x1_params p = {
        .rows = rows,
        .in_c = in_c,
        .out_c = out_c,
        .y_zero_point = ZERO_POINT,
        .lo = lo,
        .hi = proof_number(lo, 127),
        .weights = proof_bytes(fours * in_c * 2, -128, 127),
        .bias = proof_biases(fours * 4, in_c, 128 * 8),
        .multiplier = proof_multipliers(out_c),
        .shift = proof_shifts(out_c),
    };
    mcuq_linear_s8_w4_4x1(&p, x, y);
}

void harness(void)
{
    check(1, 2, 1);
    check(2, 1, 5);
    HARNESS_END;
}
