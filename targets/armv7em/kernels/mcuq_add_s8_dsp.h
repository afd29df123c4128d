/*
 * Addition and subtraction of any shapes, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_ADD_S8_DSP_H
#define MCUQ_ADD_S8_DSP_H

#include "mcuq_element_dsp.h"

/* So many addends are computed before they are added. */
#define MCUQ_ADD_S8_DSP_MOST 32

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; a_stride_* and b_stride_* are the distances between the operands'
 * elements along y's axes, 0 where an operand is repeated. a_right, b_right and y_right: right
 * shifts, 1 to 30; a_unit and b_unit: what codes are multiplied by, twice the formula's 2^20, twice as much
 * again where that stands for a right shift of 0.
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
    int32_t a_unit;
    int32_t a_multiplier;
    int32_t a_right;
    int32_t b_zero_point;
    int32_t b_unit;
    int32_t b_multiplier;
    int32_t b_right;
    int32_t y_zero_point;
    int32_t y_multiplier;
    int32_t y_right;
    int32_t lo;
    int32_t hi;
} mcuq_add_s8_dsp_params;

/* What one operand adds: its zero point and unit, its scale, and twice the sign with which it is added. */
typedef struct {
    int32_t zero_point;
    int32_t unit;
    mcuq_element_dsp_scale scale;
    int32_t twice;
} mcuq_add_s8_dsp_operand;

/* Twice what a code adds. */
static inline int32_t mcuq_add_s8_dsp_addend(int32_t code, const mcuq_add_s8_dsp_operand *q)
{
    return q->twice * mcuq_element_dsp_scaled((code - q->zero_point) * q->unit, q->scale);
}

/* What codes of an operand add, `step` apart. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_dsp_first(const mcuq_add_s8_dsp_operand *operand, const int8_t *x,
                                                     int32_t step, int32_t count, int32_t *sums)
{
    const mcuq_add_s8_dsp_operand q = *operand;
    for (int32_t i = 0; i < count; i++) {
        sums[i] = mcuq_add_s8_dsp_addend(*x, &q);
        x = &x[step];
    }
}

/* And what those of another one add to that. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_dsp_second(const mcuq_add_s8_dsp_operand *operand, const int8_t *x,
                                                      int32_t step, int32_t count, int32_t *sums)
{
    const mcuq_add_s8_dsp_operand q = *operand;
    for (int32_t i = 0; i < count; i++) {
        sums[i] += mcuq_add_s8_dsp_addend(*x, &q);
        x = &x[step];
    }
}

/* y = requantized sums; `more` is added to all of them. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_dsp_finish(const mcuq_add_s8_dsp_params *p, int32_t more, int32_t count,
                                                      const int32_t *sums, int8_t *y)
{
    const mcuq_element_dsp_scale scale = {p->y_multiplier, p->y_right};
    const int32_t zero_point = p->y_zero_point;
    for (int32_t i = 0; i < count; i++) {
        y[i] = (int8_t)mcuq_ssat8(mcuq_element_dsp_scaled(sums[i] + more, scale) + zero_point);
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        for (int32_t i = 0; i < count; i++) {
            y[i] = mcuq_clamp(y[i], p->lo, p->hi);
        }
    }
}

/* One row along the last axis. */
MCUQ_KERNEL void mcuq_add_s8_dsp_row(const mcuq_add_s8_dsp_params *p, const mcuq_add_s8_dsp_operand operands[2],
                                     const int8_t *a, const int8_t *b, int8_t *y)
{
    int32_t sums[MCUQ_ADD_S8_DSP_MOST];
    for (int32_t l = 0; l < p->size_3; l += MCUQ_ADD_S8_DSP_MOST) {
        const int32_t rest = p->size_3 - l;
        const int32_t count = (rest < MCUQ_ADD_S8_DSP_MOST) ? rest : MCUQ_ADD_S8_DSP_MOST;
        int32_t more = 0;
        if (p->a_stride_3 == 0) {
            more = mcuq_add_s8_dsp_addend(a[0], &operands[0]);
            mcuq_add_s8_dsp_first(&operands[1], &b[l * p->b_stride_3], p->b_stride_3, count, sums);
        } else {
            mcuq_add_s8_dsp_first(&operands[0], &a[l * p->a_stride_3], p->a_stride_3, count, sums);
            if (p->b_stride_3 == 0) {
                more = mcuq_add_s8_dsp_addend(b[0], &operands[1]);
            } else {
                mcuq_add_s8_dsp_second(&operands[1], &b[l * p->b_stride_3], p->b_stride_3, count, sums);
            }
        }
        mcuq_add_s8_dsp_finish(p, more, count, sums, &y[l]);
    }
}

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^20) + sign * rq_b((b - b_zero_point) * 2^20)) + y_zero_point,
 *           lo, hi), sign 1 or -1
 *
 * y may be an operand of its own shape; it may not overlap them otherwise. No sum reaches 2^30.
 */
MCUQ_CALLED void mcuq_add_s8_dsp(const mcuq_add_s8_dsp_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const mcuq_add_s8_dsp_operand operands[2] = {
        {p->a_zero_point, p->a_unit, {p->a_multiplier, p->a_right}, 2},
        {p->b_zero_point, p->b_unit, {p->b_multiplier, p->b_right}, 2 * p->sign},
    };
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_add_s8_dsp_row(p, operands, &a[left], &b[right], y);
                y = &y[p->size_3];
            }
        }
    }
}

#endif
