/* Runs of one, two and three inputs. */
static void check(int32_t outer, int32_t inputs, const int32_t *runs)
{
    const ELEMENT *x[3];
    int32_t all = 0;
    for (int32_t i = 0; i < inputs; i++) {
        SYMBOLIC(ELEMENT, input, outer * runs[i]);
        x[i] = input;
        all += runs[i];
    }
    SYMBOLIC(ELEMENT, y, outer * all);
    const PARAMS p = {.outer = outer, .inputs = inputs, .runs = runs};
    KERNEL(&p, x, y);
}

void harness(void)
{
    const int32_t runs[3] = {2, 1, 3};
    check(1, 1, runs);
    check(2, 2, runs);
    check(1, 3, runs);
    HARNESS_END;
}
