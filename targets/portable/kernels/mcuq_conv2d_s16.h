/*
 * Convolution, dense or grouped, int16.
 */
#ifndef MCUQ_CONV2D_S16_H
#define MCUQ_CONV2D_S16_H

#include "mcuq_conv2d_mixed.h"

/* As in mcuq_conv2d_mixed.h. */
typedef mcuq_conv2d_mixed_params mcuq_conv2d_s16_params;

/* As `mcuq_conv2d_mixed`: x int16, y int16. No overlap. */
MCUQ_CALLED void mcuq_conv2d_s16(const mcuq_conv2d_s16_params *p, const mcuq_int16 *restrict x,
                                 mcuq_int16 *restrict y)
{
    mcuq_conv2d_mixed(p, x, 1, y, 1);
}

#endif
