/*
 * Fully connected layers whose input or output is int16, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_LINEAR_MIXED_MVE_H
#define MCUQ_LINEAR_MIXED_MVE_H

#include "mcuq_gemm_mixed_mve.h"
#include "mcuq_gemm_row_s16_mve.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]; weights and channels as mcuq_gemm_mve.h or, for x of int16,
 * mcuq_gemm_s16_mve.h reads them, the input's zero point folded into the biases. is_narrow: weights of four bits.
 * is_long: as in mcuq_mixed.h. is_slow: that, or values are rounded once.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t out_c;
    int32_t is_narrow;
    int32_t is_slow;
    int32_t is_long;
    int32_t has_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_linear_mixed_mve_params;

/* One row of int16 by itself, x1 = x0 and y_step 0: channels by eights, then four that are left. */
MCUQ_INLINE void mcuq_linear_mixed_mve_row(mcuq_gemm_mve_walk walk, int32_t out_c, int32_t is_y_wide)
{
    const int32_t size = (is_y_wide != 0) ? 2 : 1;
    const int32_t fours = (out_c + 3) / 4;
    const int8_t *const end = walk.y_end;
    if (fours > 1) {
        const int32_t count = ((fours % 2) != 0) ? (4 * (fours - 1)) : out_c;
        walk.y_end = &walk.y[count * size];
        if (is_y_wide != 0) {
            mcuq_gemm_row_s16_mve(&walk);
        } else {
            mcuq_gemm_row_s16_mve_narrow(&walk);
        }
    }
    if ((fours % 2) != 0) {
        const int32_t done = 4 * (fours - 1);
        walk.y = &walk.y[done * size];
        walk.y_end = end;
        walk.channels = &walk.channels[3 * done];
        walk.weights = &walk.weights[done * ((8 * walk.chunks) + walk.rest)];
        mcuq_gemm_mixed_mve(&walk, 1, is_y_wide, 0, 0);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * Two rows share the weights, eight channels share one of int16 by itself. x and y are int16 or int8, as is said of
 * each; they do not overlap.
 */
MCUQ_INLINE void mcuq_linear_mixed_mve(const mcuq_linear_mixed_mve_params *p, const void *x, int32_t is_x_wide,
                                       void *y, int32_t is_y_wide)
{
    const int32_t x_row = p->in_c * ((is_x_wide != 0) ? 2 : 1);
    const int32_t y_row = p->out_c * ((is_y_wide != 0) ? 2 : 1);
    mcuq_gemm_mve_walk walk = {
        .x0 = x,
        .y_zero_point = p->y_zero_point,
        .has_left = p->has_left,
        .y = y,
        .channels = p->channels,
        .weights = p->weights,
        .lo = p->lo,
        .hi = p->hi,
    };
    mcuq_gemm_mixed_mve_codes(&walk, p->in_c, is_x_wide, p->is_narrow);
    for (int32_t row = 0; row < p->rows; row += 2) {
        const int32_t is_pair = ((row + 1) < p->rows) ? 1 : 0;
        walk.x1 = &walk.x0[is_pair * x_row];
        walk.y_end = &walk.y[y_row];
        walk.y_step = is_pair * y_row;
        if ((is_x_wide != 0) && (p->is_slow == 0) && (is_pair == 0)) {
            mcuq_linear_mixed_mve_row(walk, p->out_c, is_y_wide);
        } else {
            mcuq_gemm_mixed_mve(&walk, is_x_wide, is_y_wide, p->is_slow, p->is_long);
        }
        walk.x0 = &walk.x1[x_row];
        walk.y = &walk.y[y_row + walk.y_step];
    }
}

#endif
