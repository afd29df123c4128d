/*
 * What kernels of normalizations share: the scale of a group of values.
 */
#ifndef MCUQ_NORMALIZE_H
#define MCUQ_NORMALIZE_H

#include "mcuq_common.h"

/* What is known of a group: (n d - total) root / 2^shift is a normalized value. */
typedef struct {
    int32_t total;
    int32_t root;
    int32_t shift;
} mcuq_normalize_group;

/* root and shift for 1 / sqrt(w), w in [1, 2^62): a line and four Newton steps, each product below 2^63. */
MCUQ_KERNEL void mcuq_normalize_root(int64_t w, int32_t fraction, mcuq_normalize_group *group)
{
    uint64_t m = (uint64_t)w;
    int32_t e = 0;
    while (m < ((uint64_t)1 << 30)) { /* at most 15 times */
        m <<= 2;
        e--;
    }
    while (m >= ((uint64_t)1 << 32)) { /* at most 15 times */
        m >>= 2;
        e++;
    }
    uint64_t r = 2319282340U - ((5U * m) >> 4);
    for (int32_t i = 0; i < 4; i++) {
        const uint64_t u = (((r * r) >> 30) * m) >> 32;
        r = (r * (3221225472U - u)) >> 31;
    }
    group->root = (int32_t)((r > 2147483647U) ? 2147483647U : r);
    group->shift = (46 + e) - fraction;
}

/*
 * The scale of a group of count values with these sums of d and of d * d; total is 0 where no mean is subtracted.
 *
 * epsilon: below 2^60. count * squares is at least total * total.
 */
static inline mcuq_normalize_group mcuq_normalize_scale(int32_t count, int32_t total, int32_t squares,
                                                        int64_t epsilon, int32_t fraction)
{
    mcuq_normalize_group group;
    const int64_t w = (((int64_t)count * squares) - ((int64_t)total * total)) + epsilon;
    group.total = total;
    mcuq_normalize_root((w > 0) ? w : 1, fraction, &group);
    return group;
}

/* The normalized value of d = n x - total, at most sqrt(n) 2^fraction in magnitude; half: 2^(shift - 1). */
MCUQ_INLINE int32_t mcuq_normalize_value(const mcuq_normalize_group *group, int64_t half, int32_t d)
{
    return (int32_t)((((int64_t)d * group->root) + half) >> group->shift);
}

#endif
