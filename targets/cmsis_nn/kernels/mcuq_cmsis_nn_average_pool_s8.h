/*
 * Average over a window with the input's scale, int8, by CMSIS-NN.
 */
#ifndef MCUQ_CMSIS_NN_AVERAGE_POOL_S8_H
#define MCUQ_CMSIS_NN_AVERAGE_POOL_S8_H

#include "mcuq_cmsis_nn.h"

/* Shapes: as the library's structs say. */
typedef struct {
    cmsis_nn_pool_params pool;
    cmsis_nn_dims x;
    cmsis_nn_dims y;
    cmsis_nn_dims filter;
    int32_t scratch_bytes;
} mcuq_cmsis_nn_average_pool_s8_params;

/*
 * y = (sum x + n / 2) / n where the sum is above 0, else (sum x - n / 2) / n, of the n taps inside the image
 *
 * Every window has one. x, y and scratch do not overlap. scratch: scratch_bytes, aligned to 4, NULL for none.
 * Returns 0, or why nothing was computed.
 */
MCUQ_CALLED int32_t mcuq_cmsis_nn_average_pool_s8(const mcuq_cmsis_nn_average_pool_s8_params *p, const int8_t *x,
                                                  int8_t *y, int8_t *scratch)
{
    const cmsis_nn_context context = {scratch, p->scratch_bytes};
    if (arm_avgpool_s8_get_buffer_size((int)p->y.w, (int)p->x.c) > p->scratch_bytes) {
        return MCUQ_CMSIS_NN_SCRATCH;
    }
    return (int32_t)arm_avgpool_s8(&context, &p->pool, &p->x, x, &p->filter, &p->y, y);
}

#endif
