/* A tree that is a leaf, and one with a branch and leaves of one, two and no records; any features and thresholds. */
static void check(int32_t rows, int32_t features, int32_t targets)
{
    SYMBOLIC(ELEMENT, x, rows * features);
    SYMBOLIC(int8_t, y, rows * targets);
    SYMBOLIC(int32_t, scratch, targets);
    SYMBOLIC(int16_t, records, 3 * 7);
    SYMBOLIC(int32_t, roots, 2);
    /* Tree 0: a leaf with a record. Tree 1: a branch, a leaf with two records, and one with none. */
    const int16_t leaf[3] = {-1, 1, 0};
    roots[0] = 0;
    roots[1] = 2;
    records[2] = 0;
    records[3] = (int16_t)proof_number(0, targets - 1);
    records[5] = 0;
    records[(3 * 3) + 2] = 0;
    records[3 * 4] = (int16_t)proof_number(0, targets - 1);
    records[(3 * 4) + 2] = 0;
    records[3 * 5] = (int16_t)proof_number(0, targets - 1);
    records[(3 * 5) + 2] = 0;
    records[(3 * 6) + 2] = 0;
    records[0] = leaf[0];
    records[1] = leaf[1];
    records[3 * 2] = (int16_t)proof_number(0, features - 1);
    records[(3 * 2) + 2] = 4;
    records[3 * 3] = leaf[0];
    records[(3 * 3) + 1] = 2;
    records[3 * 6] = leaf[0];
    records[(3 * 6) + 1] = 0;
    const PARAMS p = {
        .rows = rows,
        .features = features,
        .targets = targets,
        .trees = 2,
        .y_zero_point = ZERO_POINT,
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .records = records,
        .roots = roots,
        .base = proof_biases(targets, 3, 32768),
    };
    KERNEL(&p, x, y, (int8_t *)(void *)scratch);
}

void harness(void)
{
    check(1, 2, 2);
    HARNESS_END;
}
