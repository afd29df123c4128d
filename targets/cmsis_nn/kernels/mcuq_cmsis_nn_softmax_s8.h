/*
 * Softmax over rows, int8, by CMSIS-NN.
 */
#ifndef MCUQ_CMSIS_NN_SOFTMAX_S8_H
#define MCUQ_CMSIS_NN_SOFTMAX_S8_H

#include "mcuq_cmsis_nn.h"

/* Shapes: x and y [rows][count]. */
typedef struct {
    int32_t rows;
    int32_t count;
    int32_t multiplier;
    int32_t shift;
    int32_t diff_min;
} mcuq_cmsis_nn_softmax_s8_params;

/*
 * y = e^(x - max) / (sum of e^(x - max)) in steps of 1/256 from -128 on, where x - max >= diff_min, else -128
 *
 * y may be x; it may not overlap x otherwise. scratch is not used. Returns 0.
 */
MCUQ_CALLED int32_t mcuq_cmsis_nn_softmax_s8(const mcuq_cmsis_nn_softmax_s8_params *p, const int8_t *x, int8_t *y,
                                             int8_t *scratch)
{
    (void)scratch;
    arm_softmax_s8(x, p->rows, p->count, p->multiplier, p->shift, p->diff_min, y);
    return 0;
}

#endif
