/*
 * Fully connected, int16 to int8, weights of four bits.
 */
#ifndef MCUQ_LINEAR_S16_S8_W4_H
#define MCUQ_LINEAR_S16_S8_W4_H

#include "mcuq_linear_mixed_w4.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]; weights and the rest as in
 * mcuq_linear_mixed_w4.h.
 */
typedef mcuq_linear_mixed_w4_params mcuq_linear_s16_s8_w4_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int8. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_linear_s16_s8_w4(const mcuq_linear_s16_s8_w4_params *p, const mcuq_int16 *restrict x,
                                       int8_t *restrict y)
{
    mcuq_linear_mixed_w4(p, x, 1, y, 0);
}

#endif
