/*
 * Convolution, dense or grouped, int8, by CMSIS-NN.
 */
#ifndef MCUQ_CMSIS_NN_CONV2D_S8_H
#define MCUQ_CMSIS_NN_CONV2D_S8_H

#include "mcuq_cmsis_nn.h"

/*
 * Shapes: as the library's structs say; weights [filter.n][filter.h][filter.w][filter.c], bias, multiplier and
 * shift [filter.n]. Offsets have the library's signs: -x_zero_point, y_zero_point.
 */
typedef struct {
    cmsis_nn_conv_params conv;
    cmsis_nn_dims x;
    cmsis_nn_dims y;
    cmsis_nn_dims filter;
    int32_t scratch_bytes;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int32_t *shift;
} mcuq_cmsis_nn_conv2d_s8_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * Taps outside the image add 0. x, y and scratch do not overlap. scratch: scratch_bytes, aligned to 4, NULL for none.
 * Returns 0, or why nothing was computed.
 */
MCUQ_CALLED int32_t mcuq_cmsis_nn_conv2d_s8(const mcuq_cmsis_nn_conv2d_s8_params *p, const int8_t *x, int8_t *y,
                                            int8_t *scratch)
{
    const cmsis_nn_per_channel_quant_params quant = {mcuq_cmsis_nn_scales(p->multiplier),
                                                     mcuq_cmsis_nn_scales(p->shift)};
    const cmsis_nn_dims bias = {1, 1, 1, p->filter.n};
    const cmsis_nn_context context = {scratch, p->scratch_bytes};
    if (arm_convolve_wrapper_s8_get_buffer_size(&p->conv, &p->x, &p->filter, &p->y) > p->scratch_bytes) {
        return MCUQ_CMSIS_NN_SCRATCH;
    }
    return (int32_t)arm_convolve_wrapper_s8(&context, &p->conv, &quant, &p->x, x, &p->filter, p->weights, &bias,
                                            p->bias, &p->y, y);
}

#endif
