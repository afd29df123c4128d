/* One of one, one of several, several of more, and all. */
#include "proof.h"
#include "mcuq_topk_s8.h"

static void check(int32_t rows, int32_t count, int32_t k)
{
    SYMBOLIC(int8_t, x, rows * count);
    SYMBOLIC(int8_t, y, rows * k);
    SYMBOLIC(mcuq_int32, indices, rows * k);
    const mcuq_topk_s8_params p = {.rows = rows, .count = count, .k = k};
    mcuq_topk_s8(&p, x, y, indices);
    for (int32_t i = 0; i < (rows * k); i++) {
        ASSERT((0 <= indices[i]) && (indices[i] < count), "an index of the row");
    }
}

void harness(void)
{
    check(1, 1, 1);
    check(2, 3, 1);
    check(1, 4, 2);
    check(1, 3, 3);
    HARNESS_END;
}
