/*
 * Addition and subtraction of any shapes as one plane of integers, int8.
 */
#ifndef MCUQ_ADD_S8_PLANE_H
#define MCUQ_ADD_S8_PLANE_H

#include "mcuq_common.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; a_stride_* and b_stride_* are the distances between the operands'
 * elements along y's axes, 0 where an operand is repeated. right: 1 to 30.
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
    int32_t a_factor;
    int32_t b_factor;
    int32_t addend;
    int32_t more;
    int32_t right;
    int32_t lo;
    int32_t hi;
} mcuq_add_s8_plane_params;

/* One row along the last axis. */
MCUQ_KERNEL void mcuq_add_s8_plane_row(const mcuq_add_s8_plane_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const int32_t a_step = p->a_stride_3;
    const int32_t b_step = p->b_stride_3;
    const int32_t a_factor = p->a_factor;
    const int32_t b_factor = p->b_factor;
    const int32_t addend = p->addend;
    const int32_t more = p->more;
    const int32_t right = p->right;
    const int32_t lo = p->lo;
    const int32_t hi = p->hi;
    for (int32_t left = p->size_3; left > 0; left--) {
        const int32_t sum = (*a * a_factor) + addend + (*b * b_factor);
        *y = mcuq_clamp((sum + (sum >> 31) + more) >> right, lo, hi);
        a = &a[a_step];
        b = &b[b_step];
        y++;
    }
}

/*
 * y = clamp((t + (t >> 31) + more) >> right, lo, hi), t = a * a_factor + b * b_factor + addend: the contract's code for
 * each of the 65,536 pairs, which are compared when the parameters are computed; no sum leaves int32.
 *
 * y may be an operand of its own shape; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s8_plane(const mcuq_add_s8_plane_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_add_s8_plane_row(p, &a[left], &b[right], y);
                y = &y[p->size_3];
            }
        }
    }
}

#endif
