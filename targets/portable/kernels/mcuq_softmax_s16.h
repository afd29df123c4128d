/*
 * Softmax over rows, int16; output scale 2^-15.
 */
#ifndef MCUQ_SOFTMAX_S16_H
#define MCUQ_SOFTMAX_S16_H

#include "mcuq_common.h"
#include "mcuq_softmax_s8.h"
#include "mcuq_wide.h"

/*
 * Shapes: x and y [rows][count], count <= 4095; fine [256]: e^(-d * scale) in Q0.31 for the low 8 bits of the
 * distance d of a code from its row's largest, coarse [256] likewise for the high 8 bits.
 */
typedef struct {
    int32_t rows;
    int32_t count;
    const int32_t *fine;
    const int32_t *coarse;
} mcuq_softmax_s16_params;

/* e^(-d * scale) in Q0.31 for a distance d of 0 to 65535. */
static inline int32_t mcuq_softmax_s16_exp(const mcuq_softmax_s16_params *p, int32_t d)
{
    return mcuq_softmax_s8_mul(p->fine[d & 255], p->coarse[d >> 8]);
}

/* One row: x and y have p->count elements; y may be x. */
MCUQ_KERNEL void mcuq_softmax_s16_row(const mcuq_softmax_s16_params *p, const mcuq_int16 *x, mcuq_int16 *y)
{
    int32_t largest = -32768;
    for (int32_t i = 0; i < p->count; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    int32_t sum = 0; /* Q12.19: at most 4095 * 2^19 < 2^31 */
    for (int32_t i = 0; i < p->count; i++) {
        sum += mcuq_softmax_s8_shift(mcuq_softmax_s16_exp(p, largest - x[i]), 12);
    }
    int32_t headroom = 0; /* leading zeros; sum >= 2^19, the largest element's share */
    while ((((uint32_t)sum << headroom) & 0x80000000U) == 0U) {
        headroom++;
    }
    const int32_t reciprocal = mcuq_softmax_s8_reciprocal((int32_t)(((uint32_t)sum << headroom) & 0x7FFFFFFFU));
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t share = mcuq_softmax_s8_mul(reciprocal, mcuq_softmax_s16_exp(p, largest - x[i]));
        y[i] = mcuq_clamp_s16(mcuq_softmax_s8_shift(share, 28 - headroom), 0, 32767);
    }
}

/* y = exp(x) / sum exp(x) along each row. y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_softmax_s16(const mcuq_softmax_s16_params *p, const mcuq_int16 *x, mcuq_int16 *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_softmax_s16_row(p, &x[row * p->count], &y[row * p->count]);
    }
}

#endif
