/*
 * One of two tensors by truth values, with broadcasting, int8.
 */
#ifndef MCUQ_SELECT_S8_H
#define MCUQ_SELECT_S8_H

#include "mcuq_common.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; c_stride_*, a_stride_* and b_stride_* are the
 * distances between the operands' elements along y's axes, 0 where an operand is repeated.
 */
typedef struct {
    int32_t size_0;
    int32_t size_1;
    int32_t size_2;
    int32_t size_3;
    int32_t c_stride_0;
    int32_t c_stride_1;
    int32_t c_stride_2;
    int32_t c_stride_3;
    int32_t a_stride_0;
    int32_t a_stride_1;
    int32_t a_stride_2;
    int32_t a_stride_3;
    int32_t b_stride_0;
    int32_t b_stride_1;
    int32_t b_stride_2;
    int32_t b_stride_3;
    int32_t limit;
} mcuq_select_s8_params;

/* One row along the last axis. */
MCUQ_KERNEL void mcuq_select_s8_row(const mcuq_select_s8_params *p, const int8_t *c, const int8_t *a,
                                    const int8_t *b, int8_t *y)
{
    for (int32_t l = 0; l < p->size_3; l++) {
        y[l] = (c[l * p->c_stride_3] > p->limit) ? a[l * p->a_stride_3] : b[l * p->b_stride_3];
    }
}

/*
 * y = c > limit ? a : b
 *
 * y may be an operand of its own shape; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_select_s8(const mcuq_select_s8_params *p, const int8_t *c, const int8_t *a,
                                const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t at = (i * p->c_stride_0) + (j * p->c_stride_1) + (k * p->c_stride_2);
                const int32_t first = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t second = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_select_s8_row(p, &c[at], &a[first], &b[second], y);
                y = &y[p->size_3];
            }
        }
    }
}

#endif
