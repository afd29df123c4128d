/*
 * Functions of two truth values with broadcasting, int8.
 */
#ifndef MCUQ_LOGIC_S8_H
#define MCUQ_LOGIC_S8_H

#include "mcuq_common.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; a_stride_* and b_stride_* are the
 * distances between the operands' elements along y's axes, 0 where an operand is repeated.
 */
typedef struct {
    int32_t size_0;
    int32_t size_1;
    int32_t size_2;
    int32_t size_3;
    int32_t a_stride_0;
    int32_t a_stride_1;
    int32_t a_stride_2;
    int32_t a_stride_3;
    int32_t b_stride_0;
    int32_t b_stride_1;
    int32_t b_stride_2;
    int32_t b_stride_3;
    int32_t truth;
    int32_t a_limit;
    int32_t b_limit;
} mcuq_logic_s8_params;

/* One row along the last axis. */
MCUQ_KERNEL void mcuq_logic_s8_row(const mcuq_logic_s8_params *p, const int8_t *a, const int8_t *b,
                                   int8_t *y)
{
    for (int32_t l = 0; l < p->size_3; l++) {
        const int32_t left = (a[l * p->a_stride_3] > p->a_limit) ? 2 : 0;
        const int32_t right = (b[l * p->b_stride_3] > p->b_limit) ? 1 : 0;
        y[l] = (int8_t)((p->truth >> (left + right)) & 1);
    }
}

/*
 * y = bit 2 (a > a_limit) + (b > b_limit) of truth
 *
 * y may be an operand of its own shape; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_logic_s8(const mcuq_logic_s8_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t first = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t second = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_logic_s8_row(p, &a[first], &b[second], y);
                y = &y[p->size_3];
            }
        }
    }
}

#endif
