/*
 * Depthwise convolution, int8 to int16.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_S16_H
#define MCUQ_DEPTHWISE_CONV2D_S8_S16_H

#include "mcuq_depthwise_conv2d_mixed.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_depthwise_conv2d_mixed.h.
 */
typedef mcuq_depthwise_conv2d_mixed_params mcuq_depthwise_conv2d_s8_s16_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int8, y int16. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_s16(const mcuq_depthwise_conv2d_s8_s16_params *p, const int8_t *restrict x,
                                              mcuq_int16 *restrict y)
{
    mcuq_depthwise_conv2d_mixed(p, x, 0, y, 1, 0);
}

#endif
