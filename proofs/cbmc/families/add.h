/* Additions element by element; operands are scaled down, so their own shifts are not positive. */
static void check(int32_t count)
{
    SYMBOLIC(ELEMENT, a, count);
    SYMBOLIC(ELEMENT, b, count);
    SYMBOLIC(ELEMENT, y, count);
    const int32_t lo = proof_number(CODE_MIN(BITS), CODE_MAX(BITS));
    const int32_t is_difference = proof_number(0, 1);
    const PARAMS p = {
        .count = count,
        .sign = (is_difference != 0) ? -1 : 1,
        .a_zero_point = ZERO_POINT_OF(BITS),
        .a_multiplier = MULTIPLIER,
        .a_shift = proof_number(-31, 0),
        .b_zero_point = ZERO_POINT_OF(BITS),
        .b_multiplier = MULTIPLIER,
        .b_shift = proof_number(-31, 0),
        .y_zero_point = ZERO_POINT_OF(BITS),
        .y_multiplier = MULTIPLIER,
        .y_shift = SHIFT,
        .lo = lo,
        .hi = proof_number(lo, CODE_MAX(BITS)),
    };
    KERNEL(&p, a, b, y);
    KERNEL(&p, a, b, a);
    KERNEL(&p, a, b, b);
}

void harness(void)
{
    check(1);
    check(2);
    HARNESS_END;
}
