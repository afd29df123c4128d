/*
 * Products of matrices that are both computed at run time, int8 to int16.
 */
#ifndef MCUQ_MATMUL_S8_S16_H
#define MCUQ_MATMUL_S8_S16_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/*
 * Shapes: y [size_0][size_1][size_2][rows][columns]. a has rows of depth elements, b has columns of depth
 * elements; a_stride_* and b_stride_* are the distances between matrices along y's axes, 0 where a factor is
 * repeated, a_row and b_column those between rows and columns, a_step and b_step those within one.
 */
typedef struct {
    int32_t size_0;
    int32_t size_1;
    int32_t size_2;
    int32_t a_stride_0;
    int32_t a_stride_1;
    int32_t a_stride_2;
    int32_t b_stride_0;
    int32_t b_stride_1;
    int32_t b_stride_2;
    int32_t rows;
    int32_t depth;
    int32_t columns;
    int32_t a_row;
    int32_t a_step;
    int32_t b_step;
    int32_t b_column;
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t limit;
    int32_t lo;
    int32_t hi;
} mcuq_matmul_s8_s16_params;

/* One matrix. */
MCUQ_KERNEL void mcuq_matmul_s8_s16_matrix(const mcuq_matmul_s8_s16_params *p, const int8_t *restrict a,
                                           const int8_t *restrict b, mcuq_int16 *restrict y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t column = 0; column < p->columns; column++) {
            const int8_t *left = &a[row * p->a_row];
            const int8_t *right = &b[column * p->b_column];
            int32_t sum = 0;
            for (int32_t k = 0; k < p->depth; k++) {
                sum += (left[k * p->a_step] - p->a_zero_point) * (right[k * p->b_step] - p->b_zero_point);
            }
            const int32_t above = (sum < -p->limit) ? -p->limit : sum;
            const int32_t limited = (above > p->limit) ? p->limit : above;
            *y = mcuq_clamp_s16(mcuq_requantize(limited, p->multiplier, p->shift), p->lo, p->hi);
            y++;
        }
    }
}

/*
 * y = clamp(requantize(sum (a - a_zero_point) * (b - b_zero_point), which is limited), lo, hi)
 *
 * y overlaps neither factor. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_matmul_s8_s16(const mcuq_matmul_s8_s16_params *p, const int8_t *restrict a,
                                    const int8_t *restrict b, mcuq_int16 *restrict y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_matmul_s8_s16_matrix(p, &a[left], &b[right], y);
                y = &y[p->rows * p->columns];
            }
        }
    }
}

#endif
