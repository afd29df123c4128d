/*
 * The root of normalizations for every number that its Newton steps can begin with, and every way to get there.
 *
 * Compiled with traps for signed overflow and shifts that are undefined.
 */
#include <stdio.h>

#include "mcuq_normalize.h"

#define FRACTION 14

/* 1 / sqrt(w) by its root and shift lies within 1 %: root^2 w = 2^(2 (shift + fraction)), of numbers of 31 bits. */
static int root_is_right(uint64_t m)
{
    mcuq_normalize_group group;
    mcuq_normalize_root((int64_t)m, FRACTION, &group);
    if (group.shift != (46 - FRACTION)) {
        return 0;
    }
    const uint64_t square = ((uint64_t)group.root * (uint64_t)group.root) >> 30;
    const uint64_t one = (square * (m >> 2)) >> 30; /* 2^30 for the exact root */
    return (one > 1063004405U) && (one < 1084479242U);
}

int main(void)
{
    int64_t wrong = 0;
    for (uint64_t m = (uint64_t)1 << 30; m < ((uint64_t)1 << 32); m++) {
        wrong += (root_is_right(m) != 0) ? 0 : 1;
    }
    (void)printf("normalize: roots of 3 * 2^30 numbers, %lld wrong\n", (long long)wrong);
    for (int32_t bits = 0; bits < 62; bits++) {
        mcuq_normalize_group group;
        mcuq_normalize_root((int64_t)1 << bits, FRACTION, &group);
        wrong += ((group.shift >= (46 - 15 - FRACTION)) && (group.shift <= (46 + 15 - FRACTION))) ? 0 : 1;
    }
    (void)printf("normalize: shifts of 62 sizes, %lld wrong in all\n", (long long)wrong);
    return (wrong == 0) ? 0 : 1;
}
