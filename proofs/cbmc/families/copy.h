/* Codes as they are. */
static void check(int32_t count)
{
    SYMBOLIC(ELEMENT, x, count);
    SYMBOLIC(ELEMENT, y, count);
    const PARAMS p = {.count = count};
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(1);
    check(5);
    HARNESS_END;
}
