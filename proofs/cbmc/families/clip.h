/* Limits on codes. */
static void check(int32_t count)
{
    SYMBOLIC(ELEMENT, x, count);
    SYMBOLIC(ELEMENT, y, count);
    const int32_t lo = proof_number(CODE_MIN(BITS), CODE_MAX(BITS));
    const PARAMS p = {.count = count, .lo = lo, .hi = proof_number(lo, CODE_MAX(BITS))};
    KERNEL(&p, x, y);
    KERNEL(&p, x, x);
}

void harness(void)
{
    check(1);
    check(3);
    HARNESS_END;
}
