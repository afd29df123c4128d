/*
 * The same values in another place, int32.
 */
#ifndef MCUQ_COPY_S32_H
#define MCUQ_COPY_S32_H

#include "mcuq_wide.h"

/* Shapes: x and y have count elements. */
typedef struct {
    int32_t count;
} mcuq_copy_s32_params;

/* y = x. x and y do not overlap. */
MCUQ_CALLED void mcuq_copy_s32(const mcuq_copy_s32_params *p, const mcuq_int32 *restrict x,
                               mcuq_int32 *restrict y)
{
    (void)memcpy(y, x, (size_t)p->count * sizeof *y);
}

#endif
