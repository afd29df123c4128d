/*
 * Depthwise convolution, int16 to int8.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S16_S8_H
#define MCUQ_DEPTHWISE_CONV2D_S16_S8_H

#include "mcuq_depthwise_conv2d_mixed.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_depthwise_conv2d_mixed.h.
 */
typedef mcuq_depthwise_conv2d_mixed_params mcuq_depthwise_conv2d_s16_s8_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int8. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s16_s8(const mcuq_depthwise_conv2d_s16_s8_params *p,
                                              const mcuq_int16 *restrict x, int8_t *restrict y)
{
    mcuq_depthwise_conv2d_mixed(p, x, 1, y, 0, 0);
}

#endif
