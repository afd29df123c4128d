/* A mask of y's shape, one repeated along an axis and a single value; any limit; rows of which nothing is kept. */
#include "proof.h"
#include "mcuq_masked_softmax_s8.h"

#include "families/softmax.h"

static void check(int32_t rows, int32_t count, int32_t row_stride, int32_t stride)
{
    SYMBOLIC(int8_t, x, rows * count);
    SYMBOLIC(int8_t, y, rows * count);
    SYMBOLIC(int8_t, mask, ((rows - 1) * row_stride) + ((count - 1) * stride) + 1);
    const mcuq_masked_softmax_s8_params p = {
        .size_0 = 1,
        .size_1 = rows,
        .size_2 = 1,
        .count = count,
        .stride_0 = 0,
        .stride_1 = row_stride,
        .stride_2 = 0,
        .stride_3 = stride,
        .limit = ZERO_POINT,
        .exponentials = proof_exponentials(256),
    };
    mcuq_masked_softmax_s8(&p, x, mask, y);
    mcuq_masked_softmax_s8(&p, x, mask, x);
}

void harness(void)
{
    check(1, 1, 0, 0);
    check(1, 2, 0, 1);
    check(2, 1, 1, 0);
    HARNESS_END;
}
