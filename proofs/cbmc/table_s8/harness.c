/* Every code has an entry of its own among 256. */
#include "proof.h"
#include "mcuq_table_s8.h"

static void check(int32_t count)
{
    SYMBOLIC(int8_t, table, 256);
    SYMBOLIC(int8_t, x, count);
    SYMBOLIC(int8_t, y, count);
    const mcuq_table_s8_params p = {.count = count, .table = table};
    mcuq_table_s8(&p, x, y);
    mcuq_table_s8(&p, x, x);
}

void harness(void)
{
    check(1);
    check(2);
    HARNESS_END;
}
