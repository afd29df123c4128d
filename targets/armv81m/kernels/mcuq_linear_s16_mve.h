/*
 * Fully connected, int16, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_LINEAR_S16_MVE_H
#define MCUQ_LINEAR_S16_MVE_H

#include "mcuq_linear_mixed_mve.h"

/* Shapes: x [rows][in_c], y [rows][out_c]; weights and the rest as in mcuq_linear_mixed_mve.h. */
typedef mcuq_linear_mixed_mve_params mcuq_linear_s16_mve_params;

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi)
 *
 * x int16, y int16. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_linear_s16_mve(const mcuq_linear_s16_mve_params *p, const mcuq_int16 *x, mcuq_int16 *y)
{
    mcuq_linear_mixed_mve(p, x, 1, y, 1);
}

#endif
