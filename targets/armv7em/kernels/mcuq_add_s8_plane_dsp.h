/*
 * Addition and subtraction of any shapes as one plane of integers, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_ADD_S8_PLANE_DSP_H
#define MCUQ_ADD_S8_PLANE_DSP_H

#include "mcuq_dsp.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; a_stride_* and b_stride_* are the distances between the operands'
 * elements along y's axes, 0 where an operand is repeated; along the last one 0 or 1, and not 0 for both but where y
 * has one element. right: 1 to 30.
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
} mcuq_add_s8_plane_dsp_params;

/* What is the same for a whole layer. */
typedef struct {
    int32_t more;
    int32_t right;
} mcuq_add_s8_plane_dsp_scale;

/* An operand along a plane of outputs: the distance between rows, and the factor of its codes. */
typedef struct {
    const int8_t *x;
    int32_t row;
    int32_t factor;
} mcuq_add_s8_plane_dsp_operand;

/* The code of a sum, limited to int8. */
static inline int8_t mcuq_add_s8_plane_dsp_code(int32_t sum, mcuq_add_s8_plane_dsp_scale scale)
{
    return (int8_t)mcuq_ssat8((sum + (sum >> 31) + scale.more) >> scale.right);
}

/* Rows of which both operands lie code by code, four codes at a time. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_plane_dsp_dense(const mcuq_add_s8_plane_dsp_params *p,
                                                           const mcuq_add_s8_plane_dsp_operand operands[2], int8_t *y)
{
    const mcuq_add_s8_plane_dsp_scale scale = {p->more, p->right};
    const int32_t addend = p->addend;
    const int32_t a_factor = operands[0].factor;
    const int32_t b_factor = operands[1].factor;
    const int8_t *a = operands[0].x;
    const int8_t *b = operands[1].x;
    for (int32_t row = p->size_2; row > 0; row--) {
        int32_t left = p->size_3;
        for (; left >= 4; left -= 4) {
            const int32_t s0 = (a[0] * a_factor) + addend + (b[0] * b_factor);
            const int32_t s1 = (a[1] * a_factor) + addend + (b[1] * b_factor);
            const int32_t s2 = (a[2] * a_factor) + addend + (b[2] * b_factor);
            const int32_t s3 = (a[3] * a_factor) + addend + (b[3] * b_factor);
            y[0] = mcuq_add_s8_plane_dsp_code(s0, scale);
            y[1] = mcuq_add_s8_plane_dsp_code(s1, scale);
            y[2] = mcuq_add_s8_plane_dsp_code(s2, scale);
            y[3] = mcuq_add_s8_plane_dsp_code(s3, scale);
            a = &a[4];
            b = &b[4];
            y = &y[4];
        }
        for (; left > 0; left--) {
            *y = mcuq_add_s8_plane_dsp_code((*a * a_factor) + addend + (*b * b_factor), scale);
            a++;
            b++;
            y++;
        }
        a = &a[operands[0].row - p->size_3];
        b = &b[operands[1].row - p->size_3];
    }
}

/* Rows of which the first operand lies code by code, and the second is one code. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_plane_dsp_one(const mcuq_add_s8_plane_dsp_params *p,
                                                         const mcuq_add_s8_plane_dsp_operand operands[2], int8_t *y)
{
    const mcuq_add_s8_plane_dsp_scale scale = {p->more, p->right};
    const int32_t factor = operands[0].factor;
    const int8_t *x = operands[0].x;
    const int8_t *one = operands[1].x;
    for (int32_t row = p->size_2; row > 0; row--) {
        const int32_t addend = p->addend + (*one * operands[1].factor);
        for (int32_t left = p->size_3; left > 0; left--) {
            *y = mcuq_add_s8_plane_dsp_code((*x * factor) + addend, scale);
            x++;
            y++;
        }
        x = &x[operands[0].row - p->size_3];
        one = &one[operands[1].row];
    }
}

/*
 * y = clamp((t + (t >> 31) + more) >> right, lo, hi), t = a * a_factor + b * b_factor + addend: the contract's code for
 * each of the 65,536 pairs, which are compared when the parameters are computed; no sum leaves int32.
 *
 * y may be an operand of its own shape; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s8_plane_dsp(const mcuq_add_s8_plane_dsp_params *p, const int8_t *a, const int8_t *b,
                                       int8_t *y)
{
    const int32_t plane = p->size_2 * p->size_3;
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            const mcuq_add_s8_plane_dsp_operand first = {&a[(i * p->a_stride_0) + (j * p->a_stride_1)],
                                                         p->a_stride_2, p->a_factor};
            const mcuq_add_s8_plane_dsp_operand second = {&b[(i * p->b_stride_0) + (j * p->b_stride_1)],
                                                          p->b_stride_2, p->b_factor};
            mcuq_add_s8_plane_dsp_operand operands[2];
            if (p->a_stride_3 == 0) {
                operands[0] = second;
                operands[1] = first;
                mcuq_add_s8_plane_dsp_one(p, operands, y);
            } else {
                operands[0] = first;
                operands[1] = second;
                if (p->b_stride_3 == 0) {
                    mcuq_add_s8_plane_dsp_one(p, operands, y);
                } else {
                    mcuq_add_s8_plane_dsp_dense(p, operands, y);
                }
            }
            if ((p->lo != -128) || (p->hi != 127)) {
                for (int32_t l = 0; l < plane; l++) {
                    y[l] = mcuq_clamp(y[l], p->lo, p->hi);
                }
            }
            y = &y[plane];
        }
    }
}

#endif
