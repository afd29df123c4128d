/*
 * Fully connected layer, int8, by CMSIS-NN.
 */
#ifndef MCUQ_CMSIS_NN_LINEAR_S8_H
#define MCUQ_CMSIS_NN_LINEAR_S8_H

#include "mcuq_cmsis_nn.h"

/*
 * Shapes: x [x.n][filter.n], weights [filter.c][filter.n], bias [filter.c], multiplier and shift [filter.c] or,
 * where one scale is that of all channels, [1], y [x.n][filter.c]. Offsets have the library's signs. sums [filter.c]
 * is what arm_vector_sum_s8 computes on cores with vector instructions: bias - x_zero_point * (sum of weights);
 * NULL and sums_bytes 0 on others.
 */
typedef struct {
    cmsis_nn_fc_params linear;
    cmsis_nn_dims x;
    cmsis_nn_dims filter;
    cmsis_nn_dims y;
    int32_t is_per_channel;
    int32_t sums_bytes;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *sums;
    const int32_t *multiplier;
    const int32_t *shift;
} mcuq_cmsis_nn_linear_s8_params;

/*
 * y[m] = clamp(requantize(bias[m] + sum (x - x_zero_point) * w[m]) + y_zero_point, lo, hi)
 *
 * x and y do not overlap. scratch is not used. Returns 0, or why nothing was computed.
 */
MCUQ_CALLED int32_t mcuq_cmsis_nn_linear_s8(const mcuq_cmsis_nn_linear_s8_params *p, const int8_t *x, int8_t *y,
                                            int8_t *scratch)
{
    const cmsis_nn_quant_params quant = {mcuq_cmsis_nn_scales(p->multiplier), mcuq_cmsis_nn_scales(p->shift),
                                         p->is_per_channel};
    const cmsis_nn_dims bias = {1, 1, 1, p->filter.c};
    const cmsis_nn_context context = {mcuq_cmsis_nn_constant(p->sums), p->sums_bytes};
    (void)scratch;
    if (arm_fully_connected_s8_get_buffer_size(&p->filter) > p->sums_bytes) {
        return MCUQ_CMSIS_NN_SCRATCH;
    }
    return (int32_t)arm_fully_connected_wrapper_s8(&context, &p->linear, &quant, &p->x, x, &p->filter, p->weights,
                                                   &bias, p->bias, &p->y, y);
}

#endif
