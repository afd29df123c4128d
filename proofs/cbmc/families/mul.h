/* Products element by element. */
static void check(int32_t count)
{
    SYMBOLIC(ELEMENT, a, count);
    SYMBOLIC(ELEMENT, b, count);
    SYMBOLIC(ELEMENT, y, count);
    const int32_t lo = proof_number(CODE_MIN(BITS), CODE_MAX(BITS));
    const PARAMS p = {
        .count = count,
        .a_zero_point = ZERO_POINT_OF(BITS),
        .b_zero_point = ZERO_POINT_OF(BITS),
        .y_zero_point = ZERO_POINT_OF(BITS),
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .lo = lo,
        .hi = proof_number(lo, CODE_MAX(BITS)),
    };
    KERNEL(&p, a, b, y);
    KERNEL(&p, a, b, a);
}

void harness(void)
{
    check(1);
    check(2);
    HARNESS_END;
}
