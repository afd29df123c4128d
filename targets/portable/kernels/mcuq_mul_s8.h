/*
 * Element-wise multiplication, int8.
 */
#ifndef MCUQ_MUL_S8_H
#define MCUQ_MUL_S8_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

/* Shapes: a, b and y have count elements. */
typedef struct {
    int32_t count;
    int32_t a_zero_point;
    int32_t b_zero_point;
    int32_t y_zero_point;
    int32_t multiplier;
    int32_t shift;
    int32_t lo;
    int32_t hi;
} mcuq_mul_s8_params;

/*
 * y = clamp(requantize((a - a_zero_point) * (b - b_zero_point)) + y_zero_point, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_mul_s8(const mcuq_mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t product = (a[i] - p->a_zero_point) * (b[i] - p->b_zero_point);
        const int32_t value = mcuq_requantize(product, p->multiplier, p->shift);
        y[i] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
    }
}

#endif
