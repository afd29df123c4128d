/* A transposition, a slice with steps, and a slice of whole rows. */
static void check(const int32_t *sizes, const int32_t *strides, int32_t offset, int32_t count)
{
    SYMBOLIC(ELEMENT, x, count);
    SYMBOLIC(ELEMENT, y, sizes[0] * sizes[1] * sizes[2] * sizes[3]);
    const PARAMS p = {
        .size_0 = sizes[0],
        .size_1 = sizes[1],
        .size_2 = sizes[2],
        .size_3 = sizes[3],
        .stride_0 = strides[0],
        .stride_1 = strides[1],
        .stride_2 = strides[2],
        .stride_3 = strides[3],
        .offset = offset,
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    const int32_t sizes[4] = {2, 1, 2, 3};
    const int32_t rows[4] = {6, 6, 3, 1};
    const int32_t exchanged[4] = {6, 6, 1, 2};
    const int32_t small[4] = {1, 2, 1, 2};
    const int32_t backwards[4] = {4, 4, 2, -2};
    check(sizes, rows, 0, 12);
    check(sizes, exchanged, 0, 12);
    check(small, backwards, 3, 8);
    HARNESS_END;
}
