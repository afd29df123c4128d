/*
 * Addition and subtraction with broadcasting, int16.
 */
#ifndef MCUQ_ADD_BROADCAST_S16_H
#define MCUQ_ADD_BROADCAST_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; a_stride_* and b_stride_* are the distances between the
 * operands' elements along y's axes, 0 where an operand is repeated.
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
    int32_t sign;
    int32_t a_zero_point;
    int32_t a_multiplier;
    int32_t a_shift;
    int32_t b_zero_point;
    int32_t b_multiplier;
    int32_t b_shift;
    int32_t y_zero_point;
    int32_t y_multiplier;
    int32_t y_shift;
    int32_t lo;
    int32_t hi;
} mcuq_add_broadcast_s16_params;

/* One row along the last axis. */
MCUQ_KERNEL void mcuq_add_broadcast_s16_row(const mcuq_add_broadcast_s16_params *p, const mcuq_int16 *a,
                                           const mcuq_int16 *b, mcuq_int16 *y)
{
    const int32_t one = (int32_t)1 << 15; /* |a - a_zero_point| < 2^16: the product stays below 2^31 */
    for (int32_t l = 0; l < p->size_3; l++) {
        const int32_t a_code = (a[l * p->a_stride_3] - p->a_zero_point) * one;
        const int32_t b_code = (b[l * p->b_stride_3] - p->b_zero_point) * one;
        const int32_t left = mcuq_requantize(a_code, p->a_multiplier, p->a_shift);
        const int32_t right = mcuq_requantize(b_code, p->b_multiplier, p->b_shift);
        const int32_t value = mcuq_requantize(left + (p->sign * right), p->y_multiplier, p->y_shift);
        y[l] = mcuq_clamp_s16(value + p->y_zero_point, p->lo, p->hi);
    }
}

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^15) + sign * rq_b((b - b_zero_point) * 2^15)) + y_zero_point,
 *           lo, hi), sign 1 or -1
 *
 * y may be an operand of its own shape; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_broadcast_s16(const mcuq_add_broadcast_s16_params *p, const mcuq_int16 *a,
                                       const mcuq_int16 *b, mcuq_int16 *y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_add_broadcast_s16_row(p, &a[left], &b[right], y);
                y = &y[p->size_3];
            }
        }
    }
}

#endif
