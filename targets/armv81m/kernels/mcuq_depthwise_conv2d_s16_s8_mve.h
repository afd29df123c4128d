/*
 * Depthwise convolution, int16 to int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S16_S8_MVE_H
#define MCUQ_DEPTHWISE_CONV2D_S16_S8_MVE_H

#include "mcuq_depthwise_conv2d_wide_mve.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_depthwise_conv2d_wide_mve.h.
 */
typedef mcuq_depthwise_conv2d_wide_mve_params mcuq_depthwise_conv2d_s16_s8_mve_params;

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi)
 *
 * x int16, y int8. y may overlap x where nothing is read any more, as is said there.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s16_s8_mve(const mcuq_depthwise_conv2d_s16_s8_mve_params *p, const mcuq_int16 *x,
                                                  int8_t *y, int8_t *scratch)
{
    mcuq_depthwise_conv2d_wide_mve(p, x, y, 0, scratch);
}

#endif
