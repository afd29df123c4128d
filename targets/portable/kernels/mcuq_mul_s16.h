/*
 * Element-wise multiplication, int16.
 */
#ifndef MCUQ_MUL_S16_H
#define MCUQ_MUL_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

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
} mcuq_mul_s16_params;

/*
 * y = clamp(requantize((a - a_zero_point) * (b - b_zero_point)) + y_zero_point, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_mul_s16(const mcuq_mul_s16_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                              mcuq_int16 *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t product = (a[i] - p->a_zero_point) * (b[i] - p->b_zero_point);
        const int32_t value = mcuq_requantize(product, p->multiplier, p->shift);
        y[i] = mcuq_clamp_s16(value + p->y_zero_point, p->lo, p->hi);
    }
}

#endif
