/*
 * Fully connected, int16.
 */
#ifndef MCUQ_LINEAR_S16_H
#define MCUQ_LINEAR_S16_H

#include "mcuq_linear_mixed.h"

/* As in mcuq_linear_mixed.h. */
typedef mcuq_linear_mixed_params mcuq_linear_s16_params;

/* As `mcuq_linear_mixed`: x int16, y int16. No overlap. */
MCUQ_CALLED void mcuq_linear_s16(const mcuq_linear_s16_params *p, const mcuq_int16 *restrict x,
                                 mcuq_int16 *restrict y)
{
    mcuq_linear_mixed(p, x, 1, y, 1);
}

#endif
