/*
 * Multiplication of any shapes, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_MUL_S8_DSP_H
#define MCUQ_MUL_S8_DSP_H

#include "mcuq_element_dsp.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; a_stride_* and b_stride_* are the distances between the operands'
 * elements along y's axes, 0 where an operand is repeated. right: 1 to 30, the right
 * shift.
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
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t y_zero_point;
    int32_t multiplier;
    int32_t right;
    int32_t lo;
    int32_t hi;
} mcuq_mul_s8_dsp_params;

/* One row along the last axis. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mul_s8_dsp_row(const mcuq_mul_s8_dsp_params *p, const int8_t *a, const int8_t *b,
                                                   int8_t *y)
{
    const mcuq_element_dsp_scale scale = {p->multiplier, p->right};
    const int32_t a_zero_point = p->a_zero_point;
    const int32_t b_zero_point = p->b_zero_point;
    const int32_t zero_point = p->y_zero_point;
    const int32_t a_step = p->a_stride_3;
    const int32_t b_step = p->b_stride_3;
    const int32_t count = p->size_3;
    for (int32_t l = 0; l < count; l++) {
        const int32_t product = (*a - a_zero_point) * (*b - b_zero_point);
        y[l] = (int8_t)mcuq_ssat8(mcuq_element_dsp_scaled(2 * product, scale) + zero_point);
        a = &a[a_step];
        b = &b[b_step];
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        for (int32_t l = 0; l < count; l++) {
            y[l] = mcuq_clamp(y[l], p->lo, p->hi);
        }
    }
}

/*
 * y = clamp(requantize((a - a_zero_point) * (b - b_zero_point)) + y_zero_point, lo, hi)
 *
 * y may be an operand of its own shape; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_mul_s8_dsp(const mcuq_mul_s8_dsp_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_mul_s8_dsp_row(p, &a[left], &b[right], y);
                y = &y[p->size_3];
            }
        }
    }
}

#endif
