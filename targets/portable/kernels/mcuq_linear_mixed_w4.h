/*
 * Fully connected layers whose input or output is int16, weights of four bits: four outputs at a time.
 */
#ifndef MCUQ_LINEAR_MIXED_W4_H
#define MCUQ_LINEAR_MIXED_W4_H

#include "mcuq_linear_mixed.h"
#include "mcuq_mixed_w4.h"

/*
 * Shapes: as for mcuq_linear_mixed, but for weights: outputs by fours as [in_c][2], the first of two in a byte in its
 * low bits, outputs of zeros filling up the last four.
 */
typedef mcuq_linear_mixed_params mcuq_linear_mixed_w4_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x and y are int16 or int8, as is said of each. No overlap. No sum leaves its type: proved by the model's compiler.
 */
MCUQ_INLINE void mcuq_linear_mixed_w4(const mcuq_linear_mixed_w4_params *p, const void *x, int32_t is_x_wide, void *y,
                                      int32_t is_y_wide)
{
    const mcuq_mixed_w4_channels to = {
        {p->y_zero_point, p->lo, p->hi, p->is_long}, p->bias, p->multiplier, p->shift};
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t m = 0; m < p->out_c; m += 4) {
            const int32_t channels = ((p->out_c - m) < 4) ? (p->out_c - m) : 4;
            int64_t sums[4] = {0, 0, 0, 0};
            mcuq_mixed_w4_dot(x, w, p->in_c, p->x_zero_point, is_x_wide, sums);
            mcuq_mixed_w4_put(&to, m, channels, sums, y, (row * p->out_c) + m, is_y_wide);
            w = &w[2 * p->in_c];
        }
        x = mcuq_mixed_at(x, p->in_c, is_x_wide);
    }
}

#endif
