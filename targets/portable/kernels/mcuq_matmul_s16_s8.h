/*
 * Products of matrices that are both computed at run time, int16 and int8.
 */
#ifndef MCUQ_MATMUL_S16_S8_H
#define MCUQ_MATMUL_S16_S8_H

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
    int32_t b_zero_point;
    int32_t y_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t limit;
    int32_t lo;
    int32_t hi;
} mcuq_matmul_s16_s8_params;

/* The sum of a row of a and a column of b, limited. */
MCUQ_KERNEL int32_t mcuq_matmul_s16_s8_sum(const mcuq_matmul_s16_s8_params *p, const mcuq_int16 *a, const int8_t *b)
{
    int64_t sum = 0;
    for (int32_t start = 0; start < p->depth; start += 256) {
        const int32_t end = (p->depth - start > 256) ? start + 256 : p->depth;
        int32_t part = 0; /* at most 256 * 32768 * 255 < 2^31 */
        for (int32_t k = start; k < end; k++) {
            part += a[k * p->a_step] * (b[k * p->b_step] - p->b_zero_point);
        }
        sum += part;
    }
    const int64_t above = (sum < -p->limit) ? -(int64_t)p->limit : sum;
    return (int32_t)((above > p->limit) ? (int64_t)p->limit : above);
}

/* One matrix. */
MCUQ_KERNEL void mcuq_matmul_s16_s8_matrix(const mcuq_matmul_s16_s8_params *p, const mcuq_int16 *a, const int8_t *b,
                                           int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t column = 0; column < p->columns; column++) {
            const int32_t sum = mcuq_matmul_s16_s8_sum(p, &a[row * p->a_row], &b[column * p->b_column]);
            const int32_t value = mcuq_requantize(sum, p->multiplier, p->shift);
            *y = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
            y++;
        }
    }
}

/* y = clamp(requantize(sum a * (b - b_zero_point), which is limited) + y_zero_point, lo, hi). No overlap. */
MCUQ_CALLED void mcuq_matmul_s16_s8(const mcuq_matmul_s16_s8_params *p, const mcuq_int16 *restrict a,
                                    const int8_t *restrict b, int8_t *restrict y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_matmul_s16_s8_matrix(p, &a[left], &b[right], y);
                y = &y[p->rows * p->columns];
            }
        }
    }
}

#endif
