/*
 * Element-wise addition from two tables, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_ADD_S8_TABLE_H
#define MCUQ_ADD_S8_TABLE_H

#include "mcuq_dsp.h"

/*
 * Shapes: a, b and y have count elements; a_table and b_table [256]: twice what a code from -128 on adds to the
 * sum, requantized and with its sign. right: 1 to 23.
 */
typedef struct {
    int32_t count;
    int32_t multiplier;
    int32_t right;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int32_t *a_table;
    const int32_t *b_table;
} mcuq_add_s8_table_params;

/* One element before its own limits: the doubled sum, requantized and limited to int8. */
static inline int32_t mcuq_add_s8_table_code(int32_t doubled, int32_t multiplier, int32_t right, int32_t offset)
{
    const int32_t high = mcuq_smmulr(doubled, multiplier);
    return mcuq_ssat8((high + (high >> 31) + offset) >> right);
}

/*
 * y = clamp(requantize((a_table[a + 128] + b_table[b + 128]) / 2) + y_zero_point, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s8_table(const mcuq_add_s8_table_params *p, const int8_t *a, const int8_t *b,
                                   int8_t *y)
{
    const int32_t *const a_table = &p->a_table[128];
    const int32_t *const b_table = &p->b_table[128];
    const int32_t multiplier = p->multiplier;
    const int32_t right = p->right;
    const int32_t offset = mcuq_offset_dsp(right, p->y_zero_point);
    const int32_t lo = p->lo;
    const int32_t hi = p->hi;
    const int8_t *const end = &a[p->count];
    if ((lo == -128) && (hi == 127)) {
        while (a != end) {
            *y = (int8_t)mcuq_add_s8_table_code(a_table[*a] + b_table[*b], multiplier, right, offset);
            a++;
            b++;
            y++;
        }
    } else {
        while (a != end) {
            *y = mcuq_clamp(mcuq_add_s8_table_code(a_table[*a] + b_table[*b], multiplier, right, offset), lo, hi);
            a++;
            b++;
            y++;
        }
    }
}

#endif
