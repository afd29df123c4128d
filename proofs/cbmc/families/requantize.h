/* Other scale and zero point. */
static void check(int32_t count)
{
    SYMBOLIC(ELEMENT, x, count);
    SYMBOLIC(RESULT, y, count);
    const PARAMS p = {
        .count = count,
        .x_zero_point = ZERO_POINT_OF(BITS),
        .y_zero_point = ZERO_POINT_OF(RESULT_BITS),
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(1);
    check(3);
    HARNESS_END;
}
