/*
 * Convolution, dense or grouped, int16 to int8.
 */
#ifndef MCUQ_CONV2D_S16_S8_H
#define MCUQ_CONV2D_S16_S8_H

#include "mcuq_conv2d_mixed.h"

/* As in mcuq_conv2d_mixed.h. */
typedef mcuq_conv2d_mixed_params mcuq_conv2d_s16_s8_params;

/* As `mcuq_conv2d_mixed`: x int16, y int8. No overlap. */
MCUQ_CALLED void mcuq_conv2d_s16_s8(const mcuq_conv2d_s16_s8_params *p, const mcuq_int16 *restrict x,
                                    int8_t *restrict y)
{
    mcuq_conv2d_mixed(p, x, 1, y, 0);
}

#endif
