/*
 * Products of two windows with weights of four bits, four channels at a time.
 */
#ifndef MCUQ_BLOCK_4X2_W4_H
#define MCUQ_BLOCK_4X2_W4_H

#include "mcuq_common.h"
#include "mcuq_quad4.h"

/* Sums [4][2] of four channels by two windows, begun with the bias; weights [count][2], two channels in a byte. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_block_4x2_w4(const int8_t *const *x, const int8_t *w, int32_t count,
                                                 const int32_t *bias, int32_t *sums)
{
    const int8_t *a = x[0];
    const int8_t *b = x[1];
    const int8_t *const end = &a[count];
    int32_t a0 = bias[0];
    int32_t b0 = bias[0];
    int32_t a1 = bias[1];
    int32_t b1 = bias[1];
    int32_t a2 = bias[2];
    int32_t b2 = bias[2];
    int32_t a3 = bias[3];
    int32_t b3 = bias[3];
    for (; a != end; a = &a[1]) {
        const int32_t code_a = *a;
        const int32_t code_b = *b;
        a0 += code_a * mcuq_quad4_low(w[0]);
        b0 += code_b * mcuq_quad4_low(w[0]);
        a1 += code_a * mcuq_quad4_high(w[0]);
        b1 += code_b * mcuq_quad4_high(w[0]);
        a2 += code_a * mcuq_quad4_low(w[1]);
        b2 += code_b * mcuq_quad4_low(w[1]);
        a3 += code_a * mcuq_quad4_high(w[1]);
        b3 += code_b * mcuq_quad4_high(w[1]);
        b = &b[1];
        w = &w[2];
    }
    sums[0] = a0;
    sums[1] = b0;
    sums[2] = a1;
    sums[3] = b1;
    sums[4] = a2;
    sums[5] = b2;
    sums[6] = a3;
    sums[7] = b3;
}

#endif
