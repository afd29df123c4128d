/*
 * Element-wise addition and subtraction, int16.
 */
#ifndef MCUQ_ADD_S16_H
#define MCUQ_ADD_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/* Shapes: a, b and y have count elements. */
typedef struct {
    int32_t count;
    int32_t sign;
    int32_t a_zero_point;
    int32_t a_multiplier;
    int32_t a_shift;
    int32_t b_zero_point;
    int32_t b_multiplier;
    int32_t b_shift;
    int32_t y_zero_point;
    int32_t y_multiplier;
    int32_t y_shift;
    int32_t lo;
    int32_t hi;
} mcuq_add_s16_params;

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^15) + sign * rq_b((b - b_zero_point) * 2^15)) + y_zero_point,
 *           lo, hi), sign 1 or -1
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s16(const mcuq_add_s16_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                              mcuq_int16 *y)
{
    const int32_t one = (int32_t)1 << 15; /* |a - a_zero_point| < 2^16: the product stays below 2^31 */
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t left = mcuq_requantize((a[i] - p->a_zero_point) * one, p->a_multiplier, p->a_shift);
        const int32_t right = mcuq_requantize((b[i] - p->b_zero_point) * one, p->b_multiplier, p->b_shift);
        const int32_t value = mcuq_requantize(left + (p->sign * right), p->y_multiplier, p->y_shift);
        y[i] = mcuq_clamp_s16(value + p->y_zero_point, p->lo, p->hi);
    }
}

#endif
