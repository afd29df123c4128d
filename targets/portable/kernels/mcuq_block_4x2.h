/*
 * Products of two windows with weights, four channels at a time.
 */
#ifndef MCUQ_BLOCK_4X2_H
#define MCUQ_BLOCK_4X2_H

#include "mcuq_common.h"

/* Sums of channels 0 to 3 by windows a and b. */
typedef struct {
    int32_t a0;
    int32_t b0;
    int32_t a1;
    int32_t b1;
    int32_t a2;
    int32_t b2;
    int32_t a3;
    int32_t b3;
} mcuq_block_4x2_sums;

/* One code of each window by the weights of four channels. */
MCUQ_INLINE void mcuq_block_4x2_tap(mcuq_block_4x2_sums *s, int32_t a, int32_t b, const int8_t *w)
{
    s->a0 += a * w[0];
    s->b0 += b * w[0];
    s->a1 += a * w[1];
    s->b1 += b * w[1];
    s->a2 += a * w[2];
    s->b2 += b * w[2];
    s->a3 += a * w[3];
    s->b3 += b * w[3];
}

/* Sums [4][2] of four channels by two windows, begun with the bias; weights [count][4]. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_block_4x2(const int8_t *const *x, const int8_t *w, int32_t count,
                                              const int32_t *bias, int32_t *sums)
{
    const int8_t *a = x[0];
    const int8_t *b = x[1];
    mcuq_block_4x2_sums s = {bias[0], bias[0], bias[1], bias[1], bias[2], bias[2], bias[3], bias[3]};
    for (; count >= 4; count -= 4) {
        mcuq_block_4x2_tap(&s, a[0], b[0], w);
        mcuq_block_4x2_tap(&s, a[1], b[1], &w[4]);
        mcuq_block_4x2_tap(&s, a[2], b[2], &w[8]);
        mcuq_block_4x2_tap(&s, a[3], b[3], &w[12]);
        a = &a[4];
        b = &b[4];
        w = &w[16];
    }
    for (int32_t k = 0; k < count; k++) {
        mcuq_block_4x2_tap(&s, a[k], b[k], &w[4 * k]);
    }
    sums[0] = s.a0;
    sums[1] = s.b0;
    sums[2] = s.a1;
    sums[3] = s.b1;
    sums[4] = s.a2;
    sums[5] = s.b2;
    sums[6] = s.a3;
    sums[7] = s.b3;
}

/* Sums of one channel by two windows, begun with the bias. */
MCUQ_KERNEL void mcuq_block_4x2_single(const int8_t *const *x, const int8_t *w, int32_t count, int32_t bias,
                                       int32_t *sums)
{
    const int8_t *const a = x[0];
    const int8_t *const b = x[1];
    int32_t a0 = bias;
    int32_t b0 = bias;
    for (int32_t k = 0; k < count; k++) {
        a0 += a[k] * w[k];
        b0 += b[k] * w[k];
    }
    sums[0] = a0;
    sums[1] = b0;
}

#endif
