/*
 * Fully connected, int16 to int8.
 */
#ifndef MCUQ_LINEAR_S16_S8_H
#define MCUQ_LINEAR_S16_S8_H

#include "mcuq_linear_mixed.h"

/* As in mcuq_linear_mixed.h. */
typedef mcuq_linear_mixed_params mcuq_linear_s16_s8_params;

/* As `mcuq_linear_mixed`: x int16, y int8. No overlap. */
MCUQ_CALLED void mcuq_linear_s16_s8(const mcuq_linear_s16_s8_params *p, const mcuq_int16 *restrict x,
                                    int8_t *restrict y)
{
    mcuq_linear_mixed(p, x, 1, y, 0);
}

#endif
