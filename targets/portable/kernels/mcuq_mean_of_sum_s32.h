/*
 * Means of codes whose sums are known, int32 to int8.
 */
#ifndef MCUQ_MEAN_OF_SUM_S32_H
#define MCUQ_MEAN_OF_SUM_S32_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

/*
 * Shapes: x and y have count elements. The multiplier holds the division by the number of codes.
 * limit + |offset| stays in int32 when it is shifted left.
 */
typedef struct {
    int32_t count;
    int32_t limit;
    int32_t offset;
    int32_t multiplier;
    int32_t shift;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_mean_of_sum_s32_params;

/* y = clamp(requantize(clamp(x, -limit, limit) - offset) + y_zero_point, lo, hi). x and y do not overlap. */
MCUQ_CALLED void mcuq_mean_of_sum_s32(const mcuq_mean_of_sum_s32_params *p, const int32_t *restrict x,
                                      int8_t *restrict y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t most = (x[i] < p->limit) ? x[i] : p->limit;
        const int32_t sum = (most > -p->limit) ? most : -p->limit;
        const int32_t value = mcuq_requantize(sum - p->offset, p->multiplier, p->shift);
        y[i] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
    }
}

#endif
