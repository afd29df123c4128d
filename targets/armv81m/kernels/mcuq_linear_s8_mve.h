/*
 * Fully connected, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_LINEAR_S8_MVE_H
#define MCUQ_LINEAR_S8_MVE_H

#include "mcuq_gemm_mve.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]; weights and channels as mcuq_gemm_mve reads them, the input's zero point
 * folded into the biases. is_narrow: weights of four bits.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t out_c;
    int32_t is_narrow;
    int32_t has_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_linear_s8_mve_params;

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * Two rows share the weights. x and y do not overlap.
 */
MCUQ_CALLED void mcuq_linear_s8_mve(const mcuq_linear_s8_mve_params *p, const int8_t *x, int8_t *y)
{
    mcuq_gemm_mve_walk walk = {
        .chunks = mcuq_gemm_mve_chunks(p->in_c, p->is_narrow),
        .rest = p->in_c % 16,
        .y_zero_point = p->y_zero_point,
        .has_left = p->has_left,
        .channels = p->channels,
        .weights = p->weights,
        .lo = p->lo,
        .hi = p->hi,
    };
    for (int32_t row = 0; row < p->rows; row += 2) {
        const int32_t is_pair = ((row + 1) < p->rows) ? 1 : 0;
        walk.x0 = &x[row * p->in_c];
        walk.x1 = &walk.x0[is_pair * p->in_c];
        walk.y = &y[row * p->out_c];
        walk.y_end = &walk.y[p->out_c];
        walk.y_step = is_pair * p->out_c;
        mcuq_gemm_mve(&walk);
    }
}

#endif
