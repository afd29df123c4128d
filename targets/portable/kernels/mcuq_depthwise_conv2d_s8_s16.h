/*
 * Depthwise convolution, int8 to int16.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_S16_H
#define MCUQ_DEPTHWISE_CONV2D_S8_S16_H

#include "mcuq_depthwise_conv2d_mixed.h"

/* As in mcuq_depthwise_conv2d_mixed.h. */
typedef mcuq_depthwise_conv2d_mixed_params mcuq_depthwise_conv2d_s8_s16_params;

/* As `mcuq_depthwise_conv2d_mixed`: x int8, y int16. No overlap. */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_s16(const mcuq_depthwise_conv2d_s8_s16_params *p, const int8_t *restrict x,
                                              mcuq_int16 *restrict y)
{
    mcuq_depthwise_conv2d_mixed(p, x, 0, y, 1);
}

#endif
