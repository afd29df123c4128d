/*
 * What harnesses of softmax share: the reciprocal by what proofs/exhaustive shows of it for all of its 2^31 arguments,
 * in place of its Newton steps; exponentials of Q0.31, any but that of 0.
 */
int32_t proof_reciprocal(int32_t v)
{
    ASSERT(v >= 0, "the argument of the reciprocal is not negative");
    return proof_number(0, INT32_MAX);
}

static const int32_t *proof_exponentials(int32_t distances)
{
    SYMBOLIC(int32_t, exponentials, 256);
    exponentials[0] = INT32_MAX;
    for (int32_t i = 1; i < distances; i++) {
        ASSUME(exponentials[i] >= 0);
    }
    return exponentials;
}
