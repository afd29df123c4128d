/*
 * A constant tensor, int16.
 */
#ifndef MCUQ_CONSTANT_S16_H
#define MCUQ_CONSTANT_S16_H

#include "mcuq_wide.h"

/* Shapes: values and y have count elements. */
typedef struct {
    int32_t count;
    const int16_t *values;
} mcuq_constant_s16_params;

/* y = values. */
MCUQ_CALLED void mcuq_constant_s16(const mcuq_constant_s16_params *p, mcuq_int16 *y)
{
    (void)memcpy(y, p->values, (size_t)p->count * sizeof *y);
}

#endif
