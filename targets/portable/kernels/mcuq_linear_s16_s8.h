/*
 * Fully connected, int16 to int8.
 */
#ifndef MCUQ_LINEAR_S16_S8_H
#define MCUQ_LINEAR_S16_S8_H

#include "mcuq_linear_mixed.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]; weights and the rest as in
 * mcuq_linear_mixed.h.
 */
typedef mcuq_linear_mixed_params mcuq_linear_s16_s8_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int8. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_linear_s16_s8(const mcuq_linear_s16_s8_params *p, const mcuq_int16 *restrict x,
                                    int8_t *restrict y)
{
    mcuq_linear_mixed(p, x, 1, y, 0);
}

#endif
