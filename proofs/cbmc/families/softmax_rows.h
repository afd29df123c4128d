/* A single element, several, several rows; where kernels work in place, in place. */
#include "families/softmax.h"

static void check(int32_t rows, int32_t count)
{
    SYMBOLIC(ELEMENT, x, rows * count);
    SYMBOLIC(RESULT, y, rows * count);
    const PARAMS p = {.rows = rows, .count = count, TABLES};
    KERNEL(&p, x, y);
#if defined(IN_PLACE)
    KERNEL(&p, x, x);
#endif
}

void harness(void)
{
    check(1, 1);
    check(2, 2);
    HARNESS_END;
}
