/*
 * The same codes in another place, int8.
 */
#ifndef MCUQ_COPY_S8_H
#define MCUQ_COPY_S8_H

#include "mcuq_common.h"

/* Shapes: x and y have count elements. */
typedef struct {
    int32_t count;
} mcuq_copy_s8_params;

/* y = x. x and y do not overlap. */
MCUQ_CALLED void mcuq_copy_s8(const mcuq_copy_s8_params *p, const int8_t *restrict x, int8_t *restrict y)
{
    (void)memcpy(y, x, (size_t)p->count);
}

#endif
