/*
 * Limits on codes of one scale, int8.
 */
#ifndef MCUQ_CLIP_S8_H
#define MCUQ_CLIP_S8_H

#include "mcuq_common.h"

/* Shapes: x and y have count elements. */
typedef struct {
    int32_t count;
    int32_t lo;
    int32_t hi;
} mcuq_clip_s8_params;

/* y = clamp(x, lo, hi). y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_clip_s8(const mcuq_clip_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = mcuq_clamp(x[i], p->lo, p->hi);
    }
}

#endif
