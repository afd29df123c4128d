/*
 * Limits on codes of one scale, int16.
 */
#ifndef MCUQ_CLIP_S16_H
#define MCUQ_CLIP_S16_H

#include "mcuq_wide.h"

/* Shapes: x and y have count elements. */
typedef struct {
    int32_t count;
    int32_t lo;
    int32_t hi;
} mcuq_clip_s16_params;

/* y = clamp(x, lo, hi). y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_clip_s16(const mcuq_clip_s16_params *p, const mcuq_int16 *x, mcuq_int16 *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = mcuq_clamp_s16(x[i], p->lo, p->hi);
    }
}

#endif
