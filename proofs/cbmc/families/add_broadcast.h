/* Additions with broadcasting; operands are scaled down, so their own shifts are not positive. */
#include "families/broadcast_fields.h"

static void check(const int32_t *sizes, const int32_t *a_strides, int32_t a_count, const int32_t *b_strides,
                  int32_t b_count)
{
    SYMBOLIC(ELEMENT, a, a_count);
    SYMBOLIC(ELEMENT, b, b_count);
    SYMBOLIC(ELEMENT, y, ELEMENTS(sizes));
    const int32_t lo = proof_number(CODE_MIN(BITS), CODE_MAX(BITS));
    const int32_t is_difference = proof_number(0, 1);
    const PARAMS p = {
        SIZES(sizes),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .sign = (is_difference != 0) ? -1 : 1,
        .a_zero_point = ZERO_POINT_OF(BITS),
        .a_multiplier = MULTIPLIER,
        .a_shift = proof_number(-31, 0),
        .b_zero_point = ZERO_POINT_OF(BITS),
        .b_multiplier = MULTIPLIER,
        .b_shift = proof_number(-31, 0),
        .y_zero_point = ZERO_POINT_OF(BITS),
        .y_multiplier = MULTIPLIER,
        .y_shift = SHIFT,
        .lo = lo,
        .hi = proof_number(lo, CODE_MAX(BITS)),
    };
    KERNEL(&p, a, b, y);
}

#include "families/broadcast.h"
