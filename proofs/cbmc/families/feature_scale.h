/* A scale and an offset of each feature: offsets are limited to [-98305, 98304]. */
static void check(int32_t rows, int32_t features)
{
    SYMBOLIC(ELEMENT, x, rows * features);
    SYMBOLIC(int8_t, y, rows * features);
    const PARAMS p = {
        .rows = rows,
        .features = features,
        .y_zero_point = ZERO_POINT,
        .offset = proof_numbers(features, -98305, 98304),
        .multiplier = proof_multipliers(features),
        .shift = proof_shifts(features),
    };
    KERNEL(&p, x, y);
}

void harness(void)
{
    check(1, 1);
    check(2, 2);
    HARNESS_END;
}
