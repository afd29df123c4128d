/*
 * Element-wise addition and subtraction, int16, for cores with DSP instructions.
 */
#ifndef MCUQ_ADD_S16_DSP_H
#define MCUQ_ADD_S16_DSP_H

#include "mcuq_halves_dsp.h"

/*
 * Shapes: a, b and y have count elements; all zero points are 0. a_right and b_right: right shifts of the operands, 0
 * to 31, *_half: half a step of each, 0 where the shift is 0; y_right: 1 to 23, y_half.
 */
typedef struct {
    int32_t count;
    int32_t sign;
    int32_t a_multiplier;
    int32_t a_right;
    int32_t a_half;
    int32_t b_multiplier;
    int32_t b_right;
    int32_t b_half;
    int32_t y_multiplier;
    int32_t y_right;
    int32_t y_half;
    int32_t lo;
    int32_t hi;
} mcuq_add_s16_dsp_params;

/* An operand whose code is in the high half of x, requantized; without a right shift there is nothing to round. */
MCUQ_INLINE int32_t mcuq_add_s16_dsp_operand(int32_t x, int32_t multiplier, int32_t right, int32_t half)
{
    const int32_t high = mcuq_smmulr(x, multiplier);
    return (right == 0) ? high : ((high + (high >> 31) + half) >> right);
}

MCUQ_INLINE int16_t mcuq_add_s16_dsp_one(const mcuq_add_s16_dsp_params *p, int32_t a, int32_t b)
{
    const int32_t left = mcuq_add_s16_dsp_operand(a, p->a_multiplier, p->a_right, p->a_half);
    const int32_t right = mcuq_add_s16_dsp_operand(b, p->b_multiplier, p->b_right, p->b_half);
    const int32_t sum = left + (p->sign * right);
    const int32_t code = mcuq_smmlar(sum * 2, p->y_multiplier, p->y_half + (sum >> 31)) >> p->y_right;
    return mcuq_clamp_s16(code, p->lo, p->hi);
}

/*
 * y = clamp(rq_y(rq_a(a * 2^15) + sign * rq_b(b * 2^15)), lo, hi), sign 1 or -1
 *
 * The code of a, in the high half of a word, is twice a * 2^15: that is what the high half of a product takes. Operands
 * are scaled down, so that sums lie in [-2^30, 2^30). y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s16_dsp(const mcuq_add_s16_dsp_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                                  mcuq_int16 *y)
{
    const mcuq_add_s16_dsp_params q = *p;
    int32_t i = 0;
    for (; i < (q.count - 1); i += 2) {
        const uint32_t first = mcuq_load_two(&a[i], 1);
        const uint32_t second = mcuq_load_two(&b[i], 1);
        y[i] = mcuq_add_s16_dsp_one(&q, (int32_t)(first << 16), (int32_t)(second << 16));
        y[i + 1] = mcuq_add_s16_dsp_one(&q, (int32_t)(first & 0xFFFF0000U), (int32_t)(second & 0xFFFF0000U));
    }
    if (i < q.count) {
        const uint32_t first = (uint32_t)(int32_t)a[i] << 16;
        const uint32_t second = (uint32_t)(int32_t)b[i] << 16;
        y[i] = mcuq_add_s16_dsp_one(&q, (int32_t)first, (int32_t)second);
    }
}

#endif
