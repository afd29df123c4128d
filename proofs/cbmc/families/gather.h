/* Rows of a table by any indices: nothing outside the table is read whatever they are. */
static void check(int32_t outer, int32_t rows, int32_t inner, int32_t count)
{
    SYMBOLIC(int8_t, table, outer * rows * inner);
    SYMBOLIC(INDEX, x, count);
    SYMBOLIC(int8_t, y, outer * count * inner);
    const PARAMS p = {.outer = outer, .rows = rows, .inner = inner, .count = count, .table = table};
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(1, 1, 1, 1);
    check(1, 3, 2, 2);
    check(2, 2, 1, 2);
    HARNESS_END;
}
