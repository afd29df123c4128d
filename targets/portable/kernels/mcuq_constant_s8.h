/*
 * A constant tensor, int8.
 */
#ifndef MCUQ_CONSTANT_S8_H
#define MCUQ_CONSTANT_S8_H

#include "mcuq_common.h"

/* Shapes: values and y have count elements. */
typedef struct {
    int32_t count;
    const int8_t *values;
} mcuq_constant_s8_params;

/* y = values. */
MCUQ_CALLED void mcuq_constant_s8(const mcuq_constant_s8_params *p, int8_t *y)
{
    (void)memcpy(y, p->values, (size_t)p->count);
}

#endif
