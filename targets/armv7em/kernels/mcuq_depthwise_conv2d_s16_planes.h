/*
 * Depthwise convolution, int16, for cores with DSP instructions.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S16_PLANES_H
#define MCUQ_DEPTHWISE_CONV2D_S16_PLANES_H

#include "mcuq_depthwise_conv2d_mixed_planes.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_depthwise_conv2d_mixed_planes.h.
 */
typedef mcuq_depthwise_conv2d_mixed_planes_params mcuq_depthwise_conv2d_s16_planes_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int16. y may overlap x where nothing is read any more, as is said there.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s16_planes(const mcuq_depthwise_conv2d_s16_planes_params *p,
                                                  const mcuq_int16 *x, mcuq_int16 *y, int8_t *scratch)
{
    mcuq_depthwise_conv2d_mixed_planes(p, x, 1, y, 1, scratch);
}

#endif
