/*
 * Softmax over those elements of rows that a mask keeps, int8; output scale 1/256, zero point -128.
 */
#ifndef MCUQ_MASKED_SOFTMAX_S8_H
#define MCUQ_MASKED_SOFTMAX_S8_H

#include "mcuq_common.h"
#include "mcuq_softmax_s8.h"

/*
 * Shapes: x and y [size_0][size_1][size_2][count], count <= 4095; stride_* are the distances between the mask's
 * elements along these axes, 0 where it is repeated; exponentials as in mcuq_softmax_s8_params.
 */
typedef struct {
    int32_t size_0;
    int32_t size_1;
    int32_t size_2;
    int32_t count;
    int32_t stride_0;
    int32_t stride_1;
    int32_t stride_2;
    int32_t stride_3;
    int32_t limit;
    const int32_t *exponentials;
} mcuq_masked_softmax_s8_params;

/* An element's exponential; in a row of which nothing is kept (largest is -129) all are alike. */
static inline int32_t mcuq_masked_softmax_s8_exponential(const mcuq_masked_softmax_s8_params *p,
                                                         int32_t largest, int32_t x, int32_t mask)
{
    if (largest < -128) {
        return p->exponentials[0];
    }
    return (mask > p->limit) ? p->exponentials[largest - x] : 0;
}

/* One row: x and y have count elements; y may be x. */
MCUQ_KERNEL void mcuq_masked_softmax_s8_row(const mcuq_masked_softmax_s8_params *p, const int8_t *x,
                                            const int8_t *mask, int8_t *y)
{
    int32_t largest = -129;
    for (int32_t i = 0; i < p->count; i++) {
        largest = ((mask[i * p->stride_3] > p->limit) && (x[i] > largest)) ? x[i] : largest;
    }
    int32_t sum = 0; /* Q12.19: at most 4095 * 2^19 < 2^31 */
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t e = mcuq_masked_softmax_s8_exponential(p, largest, x[i], mask[i * p->stride_3]);
        sum += mcuq_softmax_s8_shift(e, 12);
    }
    int32_t headroom = 0; /* leading zeros; sum >= 2^19, the largest element's share */
    while ((((uint32_t)sum << headroom) & 0x80000000U) == 0U) {
        headroom++;
    }
    const int32_t reciprocal = mcuq_softmax_s8_reciprocal((int32_t)(((uint32_t)sum << headroom) & 0x7FFFFFFFU));
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t e = mcuq_masked_softmax_s8_exponential(p, largest, x[i], mask[i * p->stride_3]);
        const int32_t share = mcuq_softmax_s8_mul(reciprocal, e);
        y[i] = mcuq_clamp(mcuq_softmax_s8_shift(share, 35 - headroom) - 128, -128, 127);
    }
}

/*
 * y = exp(x) / sum exp(x) along each row, over the elements whose mask is above limit; the others are 0.
 *
 * y may be x; it may not overlap x or the mask otherwise.
 */
MCUQ_CALLED void mcuq_masked_softmax_s8(const mcuq_masked_softmax_s8_params *p, const int8_t *x,
                                        const int8_t *mask, int8_t *y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t at = (i * p->stride_0) + (j * p->stride_1) + (k * p->stride_2);
                mcuq_masked_softmax_s8_row(p, x, &mask[at], y);
                x = &x[p->count];
                y = &y[p->count];
            }
        }
    }
}

#endif
