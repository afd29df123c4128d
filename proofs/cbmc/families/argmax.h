/* One code and several, one row and several; the index is one of the row. */
static void check(int32_t rows, int32_t count)
{
    SYMBOLIC(int8_t, x, rows * count);
    SYMBOLIC(int32_t, y, rows);
    const PARAMS p = {.rows = rows, .count = count};
    KERNEL(&p, x, y);
    for (int32_t i = 0; i < rows; i++) {
        ASSERT((0 <= y[i]) && (y[i] < count), "an index of the row");
    }
}

void harness(void)
{
    check(1, 1);
    check(2, 3);
    HARNESS_END;
}
