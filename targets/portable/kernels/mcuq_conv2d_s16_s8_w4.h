/*
 * Convolution, dense or grouped, int16 to int8, weights of four bits.
 */
#ifndef MCUQ_CONV2D_S16_S8_W4_H
#define MCUQ_CONV2D_S16_S8_W4_H

#include "mcuq_conv2d_mixed_w4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_conv2d_mixed_w4.h.
 */
typedef mcuq_conv2d_mixed_w4_params mcuq_conv2d_s16_s8_w4_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int8. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_conv2d_s16_s8_w4(const mcuq_conv2d_s16_s8_w4_params *p, const mcuq_int16 *restrict x,
                                       int8_t *restrict y)
{
    mcuq_conv2d_mixed_w4(p, x, 1, y, 0);
}

#endif
