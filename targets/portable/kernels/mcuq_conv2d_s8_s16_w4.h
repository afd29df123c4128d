/*
 * Convolution, dense or grouped, int8 to int16, weights of four bits.
 */
#ifndef MCUQ_CONV2D_S8_S16_W4_H
#define MCUQ_CONV2D_S8_S16_W4_H

#include "mcuq_conv2d_mixed_w4.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_conv2d_mixed_w4.h.
 */
typedef mcuq_conv2d_mixed_w4_params mcuq_conv2d_s8_s16_w4_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int8, y int16. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_conv2d_s8_s16_w4(const mcuq_conv2d_s8_s16_w4_params *p, const int8_t *restrict x,
                                       mcuq_int16 *restrict y)
{
    mcuq_conv2d_mixed_w4(p, x, 0, y, 1);
}

#endif
