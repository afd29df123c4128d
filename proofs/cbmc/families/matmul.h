/* One product, sums of several, a transposed factor, and matrices of which one is repeated. */
#include "families/broadcast_fields.h"

typedef struct {
    int32_t count;
    int32_t rows;
    int32_t depth;
    int32_t columns;
    int32_t is_transposed;
    int32_t is_repeated;
} shape;

static void check(shape s)
{
    SYMBOLIC(A_ELEMENT, a, s.count * s.rows * s.depth);
    SYMBOLIC(int8_t, b, ((s.is_repeated != 0) ? 1 : s.count) * s.depth * s.columns);
    SYMBOLIC(Y_ELEMENT, y, s.count * s.rows * s.columns);
    const int32_t b_stride = (s.is_repeated != 0) ? 0 : (s.depth * s.columns);
    const int32_t shift = SHIFT;
    const int32_t lo = proof_number(CODE_MIN(Y_BITS), CODE_MAX(Y_BITS));
    const PARAMS p = {
        .size_0 = 1,
        .size_1 = s.count,
        .size_2 = 1,
        .a_stride_0 = 0,
        .a_stride_1 = s.rows * s.depth,
        .a_stride_2 = 0,
        .b_stride_0 = 0,
        .b_stride_1 = b_stride,
        .b_stride_2 = 0,
        .rows = s.rows,
        .depth = s.depth,
        .columns = s.columns,
        .a_row = s.depth,
        .a_step = 1,
        .b_step = (s.is_transposed != 0) ? 1 : s.columns,
        .b_column = (s.is_transposed != 0) ? s.depth : 1,
        .b_zero_point = ZERO_POINT,
        .multiplier = MULTIPLIER,
        .shift = shift,
        MORE
        .lo = lo,
        .hi = proof_number(lo, CODE_MAX(Y_BITS)),
    };
    KERNEL(&p, a, b, y);
}

void harness(void)
{
    const shape one = {1, 1, 1, 1, 0, 0};
    const shape sums = {1, 1, 2, 2, 0, 0};
    const shape transposed = {1, 2, 2, 1, 1, 0};
    const shape repeated = {2, 1, 1, 1, 0, 1};
    check(one);
    check(sums);
    check(transposed);
    check(repeated);
    HARNESS_END;
}
