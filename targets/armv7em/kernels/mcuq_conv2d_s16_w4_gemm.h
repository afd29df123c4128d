/*
 * Convolution as a matrix product, int16, weights of four bits, for cores with DSP instructions.
 */
#ifndef MCUQ_CONV2D_S16_W4_GEMM_H
#define MCUQ_CONV2D_S16_W4_GEMM_H

#include "mcuq_conv2d_mixed_w4_gemm.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]; weights and the rest as in
 * mcuq_conv2d_mixed_w4_gemm.h.
 */
typedef mcuq_conv2d_mixed_w4_gemm_params mcuq_conv2d_s16_w4_gemm_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int16. y may overlap x where nothing is read any more, as is said there.
 */
MCUQ_CALLED void mcuq_conv2d_s16_w4_gemm(const mcuq_conv2d_s16_w4_gemm_params *p, const mcuq_int16 *x, mcuq_int16 *y,
                                         int8_t *scratch)
{
    mcuq_conv2d_mixed_w4_gemm(p, x, 1, y, 1, scratch);
}

#endif
