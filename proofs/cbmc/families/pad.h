/* Borders before and behind along every axis, and none. */
static void check(const int32_t *in, const int32_t *before, const int32_t *behind)
{
    int32_t out[4];
    int32_t all = 1;
    for (int32_t axis = 0; axis < 4; axis++) {
        out[axis] = before[axis] + in[axis] + behind[axis];
        all *= out[axis];
    }
    SYMBOLIC(ELEMENT, x, in[0] * in[1] * in[2] * in[3]);
    SYMBOLIC(ELEMENT, y, all);
    const PARAMS p = {
        .in_0 = in[0],
        .in_1 = in[1],
        .in_2 = in[2],
        .in_3 = in[3],
        .out_0 = out[0],
        .out_1 = out[1],
        .out_2 = out[2],
        .out_3 = out[3],
        .before_0 = before[0],
        .before_1 = before[1],
        .before_2 = before[2],
        .before_3 = before[3],
        .value = proof_number(CODE_MIN(BITS), CODE_MAX(BITS)),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    const int32_t none[4] = {0, 0, 0, 0};
    const int32_t one[4] = {1, 1, 1, 1};
    const int32_t sizes[4] = {1, 2, 1, 2};
    const int32_t inner[4] = {0, 1, 0, 2};
    const int32_t outer[4] = {1, 0, 1, 0};
    check(sizes, none, none);
    check(sizes, inner, outer);
    check(one, outer, inner);
    HARNESS_END;
}
