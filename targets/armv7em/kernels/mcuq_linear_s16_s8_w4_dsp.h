/*
 * Fully connected, int16 to int8, weights of four bits, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_S16_S8_W4_DSP_H
#define MCUQ_LINEAR_S16_S8_W4_DSP_H

#include "mcuq_linear_mixed_w4_dsp.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]; weights and the rest as in
 * mcuq_linear_mixed_w4_dsp.h.
 */
typedef mcuq_linear_mixed_w4_dsp_params mcuq_linear_s16_s8_w4_dsp_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x int16, y int8. y may overlap x where nothing is read any more, as is said there.
 */
MCUQ_CALLED void mcuq_linear_s16_s8_w4_dsp(const mcuq_linear_s16_s8_w4_dsp_params *p, const mcuq_int16 *x, int8_t *y,
                                           int8_t *scratch)
{
    mcuq_linear_mixed_w4_dsp(p, x, 1, y, 0, scratch);
}

#endif
