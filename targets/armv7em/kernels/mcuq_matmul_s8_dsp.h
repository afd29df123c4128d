/*
 * Products of matrices that are both computed at run time, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_MATMUL_S8_DSP_H
#define MCUQ_MATMUL_S8_DSP_H

#include "mcuq_gemm_wide.h"

/*
 * Shapes: y [size_0][size_1][size_2][rows][columns]. a has rows of depth elements, b has columns of depth
 * elements; a_stride_* and b_stride_* are the distances between matrices along y's axes, 0 where a factor is
 * repeated, a_row and b_column those between rows and columns, a_step and b_step those within one.
 * wide: depth filled up to a multiple of 8. panel: so many columns, a multiple of 4, are expanded at a time.
 * right: 1 to 23.
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
    int32_t y_zero_point;
    int32_t wide;
    int32_t panel;
    int32_t multiplier;
    int32_t right;
    int32_t lo;
    int32_t hi;
} mcuq_matmul_s8_dsp_params;

/* `count` columns of b, expanded; what is left of the last four repeats the last column. */
MCUQ_KERNEL void mcuq_matmul_s8_dsp_panel(const mcuq_matmul_s8_dsp_params *p, const int8_t *b, int32_t count,
                                          mcuq_word *to)
{
    const uint32_t minus = (uint32_t)-p->b_zero_point;
    const mcuq_gemm_wide_line line = {p->depth, p->wide, p->b_step, p->b_zero_point, mcuq_pack_low(minus, minus), 4};
    for (int32_t first = 0; first < count; first += 4) {
        mcuq_word *const four = &to[first * (p->wide / 2)];
        if ((p->b_column == 1) && (p->b_step != 1) && ((first + 4) <= count)) {
            mcuq_gemm_wide_gather(&line, &b[first], four);
        } else {
            for (int32_t i = 0; i < 4; i++) {
                const int32_t column = ((first + i) < count) ? (first + i) : (count - 1);
                mcuq_gemm_wide_expand(&line, 0, &b[column * p->b_column], &four[i]);
            }
        }
    }
}

/* All rows of a by `count` expanded columns; y is the first row's. */
MCUQ_KERNEL void mcuq_matmul_s8_dsp_rows(const mcuq_matmul_s8_dsp_params *p, const int8_t *a, const mcuq_word *panel,
                                         int32_t count, mcuq_word *pair, int8_t *y)
{
    const uint32_t minus = (uint32_t)-p->a_zero_point;
    const mcuq_gemm_wide_line line = {p->depth, p->wide, p->a_step, p->a_zero_point, mcuq_pack_low(minus, minus), 2};
    const int32_t offset = mcuq_offset_dsp(p->right, p->y_zero_point);
    int8_t codes[8];
    mcuq_gemm_wide_walk walk = {pair, &pair[p->wide], panel, y, 0, p->multiplier, p->right, offset};
    for (int32_t row = 0; row < p->rows; row += 2) {
        const int32_t second = ((row + 1) < p->rows) ? p->columns : 0;
        mcuq_gemm_wide_expand(&line, 0, &a[row * p->a_row], pair);
        mcuq_gemm_wide_expand(&line, 0, &a[(row + ((second != 0) ? 1 : 0)) * p->a_row], &pair[1]);
        walk.b = panel;
        walk.y = &y[row * p->columns];
        walk.stride = second;
        for (int32_t left = count; left >= 4; left -= 4) {
            mcuq_gemm_wide(&walk);
            walk.b = &walk.b[2 * p->wide];
            walk.y = &walk.y[4];
        }
        if ((count % 4) != 0) {
            int8_t *const out = walk.y;
            walk.y = codes;
            walk.stride = (second != 0) ? 4 : 0;
            mcuq_gemm_wide(&walk);
            (void)memcpy(out, codes, (size_t)count % 4U);
            (void)memcpy(&out[second], &codes[walk.stride], (size_t)count % 4U);
        }
    }
}

/* One matrix. */
MCUQ_KERNEL void mcuq_matmul_s8_dsp_matrix(const mcuq_matmul_s8_dsp_params *p, const int8_t *a, const int8_t *b,
                                           int8_t *y, mcuq_word *scratch)
{
    mcuq_word *const panel = &scratch[p->wide];
    for (int32_t first = 0; first < p->columns; first += p->panel) {
        const int32_t count = ((p->columns - first) < p->panel) ? (p->columns - first) : p->panel;
        mcuq_matmul_s8_dsp_panel(p, &b[first * p->b_column], count, panel);
        mcuq_matmul_s8_dsp_rows(p, a, panel, count, scratch, &y[first]);
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        for (int32_t i = 0; i < (p->rows * p->columns); i++) {
            y[i] = mcuq_clamp(y[i], p->lo, p->hi);
        }
    }
}

/*
 * y = clamp(requantize(sum (a - a_zero_point) * (b - b_zero_point)) + y_zero_point, lo, hi)
 *
 * y overlaps neither factor. No sum reaches 2^30: proved by the model's compiler.
 * scratch: 2 * wide * (panel + 2) bytes, aligned to 4.
 */
MCUQ_CALLED void mcuq_matmul_s8_dsp(const mcuq_matmul_s8_dsp_params *p, const int8_t *a, const int8_t *b, int8_t *y,
                                    int8_t *scratch)
{
    mcuq_word *const words = (mcuq_word *)(void *)scratch;
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t left = (i * p->a_stride_0) + (j * p->a_stride_1) + (k * p->a_stride_2);
                const int32_t right = (i * p->b_stride_0) + (j * p->b_stride_1) + (k * p->b_stride_2);
                mcuq_matmul_s8_dsp_matrix(p, &a[left], &b[right], y, words);
                y = &y[p->rows * p->columns];
            }
        }
    }
}

#endif
