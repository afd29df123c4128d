/*
 * Softmax over rows, int8 to int16; output scale 2^-15.
 */
#ifndef MCUQ_SOFTMAX_S8_S16_H
#define MCUQ_SOFTMAX_S8_S16_H

#include "mcuq_common.h"
#include "mcuq_softmax_s8.h"
#include "mcuq_wide.h"

/*
 * Shapes: x and y [rows][count], count <= 4095; exponentials [256]: e^(-d * scale) in Q0.31 for the
 * distance d of a code from its row's largest.
 */
typedef struct {
    int32_t rows;
    int32_t count;
    const int32_t *exponentials;
} mcuq_softmax_s8_s16_params;

/* One row of count elements. */
MCUQ_KERNEL void mcuq_softmax_s8_s16_row(const int32_t *exponentials, int32_t count, const int8_t *restrict x,
                                         mcuq_int16 *restrict y)
{
    int32_t largest = -128;
    for (int32_t i = 0; i < count; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    int32_t sum = 0; /* Q12.19: at most 4095 * 2^19 < 2^31 */
    for (int32_t i = 0; i < count; i++) {
        sum += mcuq_softmax_s8_shift(exponentials[largest - x[i]], 12);
    }
    int32_t headroom = 0; /* leading zeros; sum >= 2^19, the largest element's share */
    while ((((uint32_t)sum << headroom) & 0x80000000U) == 0U) {
        headroom++;
    }
    const int32_t reciprocal = mcuq_softmax_s8_reciprocal((int32_t)(((uint32_t)sum << headroom) & 0x7FFFFFFFU));
    for (int32_t i = 0; i < count; i++) {
        const int32_t share = mcuq_softmax_s8_mul(reciprocal, exponentials[largest - x[i]]);
        y[i] = mcuq_clamp_s16(mcuq_softmax_s8_shift(share, 28 - headroom), 0, 32767);
    }
}

/* y = exp(x) / sum exp(x) along each row. No overlap. */
MCUQ_CALLED void mcuq_softmax_s8_s16(const mcuq_softmax_s8_s16_params *p, const int8_t *restrict x,
                                     mcuq_int16 *restrict y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_softmax_s8_s16_row(p->exponentials, p->count, &x[row * p->count], &y[row * p->count]);
    }
}

#endif
