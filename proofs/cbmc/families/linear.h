/* One product, several of several outputs, more than four outputs, several rows. */
#include "families/weighted.h"

static void check(int32_t is_long, int32_t rows, int32_t in_c, int32_t out_c)
{
    (void)is_long;
    SYMBOLIC(X_ELEMENT, x, rows * in_c);
    SYMBOLIC(Y_ELEMENT, y, rows * out_c);
    const int32_t lo = proof_number(CODE_MIN(Y_BITS), CODE_MAX(Y_BITS));
    const PARAMS p = {
        .rows = rows,
        .in_c = in_c,
        .out_c = out_c,
        .weights = WEIGHTS(1, out_c, in_c),
        ENDS(out_c, in_c),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    CHECK(1, 1, 1);
    CHECK(2, 1, 3);
    CHECK(1, 3, 1);
    CHECK(1, 1, 5);
    HARNESS_END;
}
