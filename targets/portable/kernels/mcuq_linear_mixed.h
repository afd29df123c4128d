/*
 * Fully connected layers whose input or output is int16.
 */
#ifndef MCUQ_LINEAR_MIXED_H
#define MCUQ_LINEAR_MIXED_H

#include "mcuq_mixed.h"

/*
 * Shapes: x [rows][in_c], weights [out_c][in_c], bias, multiplier and shift [out_c], y [rows][out_c]. is_long: as in
 * mcuq_mixed.h.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t out_c;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    int32_t is_long;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_linear_mixed_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x and y are int16 or int8, as is said of each. No overlap. No sum leaves its type: proved by the model's compiler.
 */
MCUQ_INLINE void mcuq_linear_mixed(const mcuq_linear_mixed_params *p, const void *x, int32_t is_x_wide, void *y,
                                   int32_t is_y_wide)
{
    const mcuq_mixed_end end = {p->y_zero_point, p->lo, p->hi, p->is_long};
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t m = 0; m < p->out_c; m++) {
            const int64_t sum = p->bias[m] + mcuq_mixed_dot(x, w, p->in_c, p->x_zero_point, is_x_wide);
            mcuq_mixed_put(end, y, (row * p->out_c) + m, sum, p->multiplier[m], p->shift[m], is_y_wide);
            w = &w[p->in_c];
        }
        x = mcuq_mixed_at(x, p->in_c, is_x_wide);
    }
}

#endif
