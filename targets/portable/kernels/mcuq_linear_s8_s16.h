/*
 * Fully connected, int8 to int16.
 */
#ifndef MCUQ_LINEAR_S8_S16_H
#define MCUQ_LINEAR_S8_S16_H

#include "mcuq_linear_mixed.h"

/* As in mcuq_linear_mixed.h. */
typedef mcuq_linear_mixed_params mcuq_linear_s8_s16_params;

/* As `mcuq_linear_mixed`: x int8, y int16. No overlap. */
MCUQ_CALLED void mcuq_linear_s8_s16(const mcuq_linear_s8_s16_params *p, const int8_t *restrict x,
                                    mcuq_int16 *restrict y)
{
    mcuq_linear_mixed(p, x, 0, y, 1);
}

#endif
