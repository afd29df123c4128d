/*
 * Element-wise addition and subtraction, int8.
 */
#ifndef MCUQ_ADD_S8_H
#define MCUQ_ADD_S8_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

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
} mcuq_add_s8_params;

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^20) + sign * rq_b((b - b_zero_point) * 2^20)) + y_zero_point,
 *           lo, hi), sign 1 or -1
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s8(const mcuq_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const int32_t one = (int32_t)1 << 20; /* |a - a_zero_point| <= 255: the product stays below 2^28 */
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t left = mcuq_requantize((a[i] - p->a_zero_point) * one, p->a_multiplier, p->a_shift);
        const int32_t right = mcuq_requantize((b[i] - p->b_zero_point) * one, p->b_multiplier, p->b_shift);
        const int32_t value = mcuq_requantize(left + (p->sign * right), p->y_multiplier, p->y_shift);
        y[i] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
    }
}

#endif
