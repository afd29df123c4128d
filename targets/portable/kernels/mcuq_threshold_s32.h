/*
 * Relations of whole numbers to a number, int32 to int8.
 */
#ifndef MCUQ_THRESHOLD_S32_H
#define MCUQ_THRESHOLD_S32_H

#include "mcuq_common.h"

/* Shapes: x and y have count elements. */
typedef struct {
    int32_t count;
    int32_t lo;
    int32_t hi;
    int32_t negated;
} mcuq_threshold_s32_params;

/* y = (lo <= x && x <= hi) ^ negated. y may not overlap x. */
MCUQ_CALLED void mcuq_threshold_s32(const mcuq_threshold_s32_params *p, const int32_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t holds = ((p->lo <= x[i]) && (x[i] <= p->hi)) ? 1 : 0;
        y[i] = (int8_t)(holds ^ p->negated);
    }
}

#endif
