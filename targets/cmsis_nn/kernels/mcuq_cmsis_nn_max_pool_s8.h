/*
 * Maximum over a window, int8, by CMSIS-NN.
 */
#ifndef MCUQ_CMSIS_NN_MAX_POOL_S8_H
#define MCUQ_CMSIS_NN_MAX_POOL_S8_H

#include "mcuq_cmsis_nn.h"

/* Shapes: as the library's structs say. */
typedef struct {
    cmsis_nn_pool_params pool;
    cmsis_nn_dims x;
    cmsis_nn_dims y;
    cmsis_nn_dims filter;
} mcuq_cmsis_nn_max_pool_s8_params;

/*
 * y = the largest x of the window; taps outside the image take no part
 *
 * Every window has a tap inside. x and y do not overlap. scratch is not used. Returns 0, or why nothing was computed.
 */
MCUQ_CALLED int32_t mcuq_cmsis_nn_max_pool_s8(const mcuq_cmsis_nn_max_pool_s8_params *p, const int8_t *x, int8_t *y,
                                              int8_t *scratch)
{
    const cmsis_nn_context context = {scratch, 0};
    return (int32_t)arm_max_pool_s8(&context, &p->pool, &p->x, x, &p->filter, &p->y, y);
}

#endif
