/* Constants to a tensor. */
static void check(int32_t count)
{
    SYMBOLIC(ELEMENT, y, count);
    SYMBOLIC(ELEMENT, values, count);
    const PARAMS p = {.count = count, .values = values};
    KERNEL(&p, y);
}

void harness(void)
{
    check(1);
    check(5);
    HARNESS_END;
}
