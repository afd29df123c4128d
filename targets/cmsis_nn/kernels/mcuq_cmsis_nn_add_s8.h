/*
 * Element-wise addition, int8, by CMSIS-NN.
 */
#ifndef MCUQ_CMSIS_NN_ADD_S8_H
#define MCUQ_CMSIS_NN_ADD_S8_H

#include "mcuq_cmsis_nn.h"

/* Shapes: a, b and y have count elements. Offsets have the library's signs. */
typedef struct {
    int32_t count;
    int32_t a_offset;
    int32_t b_offset;
    int32_t y_offset;
    int32_t lo;
    int32_t hi;
    int32_t a_multiplier;
    int32_t a_shift;
    int32_t b_multiplier;
    int32_t b_shift;
    int32_t y_multiplier;
    int32_t y_shift;
    int32_t left_shift;
} mcuq_cmsis_nn_add_s8_params;

/*
 * y = clamp(rq_y(rq_a((a + a_offset) * 2^left_shift) + rq_b((b + b_offset) * 2^left_shift)) + y_offset, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise. scratch is not used. Returns 0, or why nothing was computed.
 */
MCUQ_CALLED int32_t mcuq_cmsis_nn_add_s8(const mcuq_cmsis_nn_add_s8_params *p, const int8_t *a, const int8_t *b,
                                         int8_t *y, int8_t *scratch)
{
    (void)scratch;
    return (int32_t)arm_elementwise_add_s8(a, b, p->a_offset, p->a_multiplier, p->a_shift, p->b_offset,
                                           p->b_multiplier, p->b_shift, p->left_shift, y, p->y_offset,
                                           p->y_multiplier, p->y_shift, p->lo, p->hi, p->count);
}

#endif
