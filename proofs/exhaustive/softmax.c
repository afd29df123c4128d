/*
 * The reciprocal and the logarithm of softmax for every argument that they can have.
 *
 * Compiled with traps for signed overflow and shifts that are undefined: what C leaves open stops the program.
 */
#include <stdio.h>

#include "mcuq_log_softmax_s8.h"

/* The limits that proofs/cbmc/families/softmax.h assumes. */
static int reciprocal_is_right(int32_t v)
{
    return mcuq_softmax_s8_reciprocal(v) >= 0;
}

/* Those of the harness of log_softmax_s8. */
static int log_is_right(int32_t sum)
{
    const int32_t log = mcuq_log_softmax_s8_log(sum);
    return (log >= 0) && (log < ((int32_t)12 << 16));
}

int main(void)
{
    int64_t wrong = 0;
    for (int64_t v = 0; v <= INT32_MAX; v++) {
        wrong += (reciprocal_is_right((int32_t)v) != 0) ? 0 : 1;
    }
    (void)printf("softmax: reciprocals of 2^31 numbers, %lld beyond their limits\n", (long long)wrong);
    for (int64_t sum = (int64_t)1 << 19; sum <= INT32_MAX; sum++) {
        wrong += (log_is_right((int32_t)sum) != 0) ? 0 : 1;
    }
    (void)printf("softmax: logarithms of 2^31 - 2^19 numbers, %lld beyond their limits\n", (long long)wrong);
    return (wrong == 0) ? 0 : 1;
}
