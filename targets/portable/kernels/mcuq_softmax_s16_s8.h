/*
 * Softmax over rows, int16 to int8; output scale 1/256, zero point -128.
 */
#ifndef MCUQ_SOFTMAX_S16_S8_H
#define MCUQ_SOFTMAX_S16_S8_H

#include "mcuq_softmax_s16.h"

/* Shapes: x and y [rows][count]; tables as in mcuq_softmax_s16.h. */
typedef mcuq_softmax_s16_params mcuq_softmax_s16_s8_params;

/* One row: x and y have p->count elements. */
MCUQ_KERNEL void mcuq_softmax_s16_s8_row(const mcuq_softmax_s16_s8_params *p, const mcuq_int16 *x, int8_t *y)
{
    int32_t largest = -32768;
    for (int32_t i = 0; i < p->count; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    int32_t sum = 0; /* Q12.19: at most 4095 * 2^19 < 2^31 */
    for (int32_t i = 0; i < p->count; i++) {
        sum += mcuq_softmax_s8_shift(mcuq_softmax_s16_exp(p, largest - x[i]), 12);
    }
    const int32_t headroom = mcuq_softmax_s8_headroom((uint32_t)sum);
    const int32_t reciprocal = mcuq_softmax_s8_reciprocal((int32_t)(((uint32_t)sum << headroom) & 0x7FFFFFFFU));
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t share = mcuq_softmax_s8_mul(reciprocal, mcuq_softmax_s16_exp(p, largest - x[i]));
        y[i] = mcuq_clamp(mcuq_softmax_s8_shift(share, 35 - headroom) - 128, -128, 127);
    }
}

/* y = exp(x) / sum exp(x) along each row. No overlap. */
MCUQ_CALLED void mcuq_softmax_s16_s8(const mcuq_softmax_s16_s8_params *p, const mcuq_int16 *restrict x,
                                     int8_t *restrict y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_softmax_s16_s8_row(p, &x[row * p->count], &y[row * p->count]);
    }
}

#endif
