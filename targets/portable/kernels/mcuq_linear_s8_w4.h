/*
 * Fully connected, int8, weights of four bits.
 */
#ifndef MCUQ_LINEAR_S8_W4_H
#define MCUQ_LINEAR_S8_W4_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"
#include "mcuq_weight4.h"

/*
 * Shapes: x [rows][in_c], weights [out_c][in_c] as mcuq_weight4.h reads them, bias, multiplier and shift [out_c],
 * y [rows][out_c].
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t out_c;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_linear_s8_w4_params;

/*
 * y = clamp(requantize(bias + sum (x - x_zero_point) * w) + y_zero_point, lo, hi)
 *
 * x and y do not overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_linear_s8_w4(const mcuq_linear_s8_w4_params *p, const int8_t *restrict x, int8_t *restrict y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t first = 0;
        for (int32_t m = 0; m < p->out_c; m++) {
            int32_t sum = p->bias[m];
            for (int32_t k = 0; k < p->in_c; k++) {
                sum += (x[k] - p->x_zero_point) * mcuq_weight4(p->weights, first + k);
            }
            const int32_t value = mcuq_requantize(sum, p->multiplier[m], p->shift[m]);
            *y = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
            y++;
            first += p->in_c;
        }
        x = &x[p->in_c];
    }
}

#endif
