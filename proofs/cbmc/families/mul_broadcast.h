/* Products with broadcasting. */
#include "families/broadcast_fields.h"

static void check(const int32_t *sizes, const int32_t *a_strides, int32_t a_count, const int32_t *b_strides,
                  int32_t b_count)
{
    SYMBOLIC(ELEMENT, a, a_count);
    SYMBOLIC(ELEMENT, b, b_count);
    SYMBOLIC(ELEMENT, y, ELEMENTS(sizes));
    const int32_t lo = proof_number(CODE_MIN(BITS), CODE_MAX(BITS));
    const PARAMS p = {
        SIZES(sizes),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .a_zero_point = ZERO_POINT_OF(BITS),
        .b_zero_point = ZERO_POINT_OF(BITS),
        .y_zero_point = ZERO_POINT_OF(BITS),
        .multiplier = MULTIPLIER,
        .shift = SHIFT,
        .lo = lo,
        .hi = proof_number(lo, CODE_MAX(BITS)),
    };
    KERNEL(&p, a, b, y);
}

#include "families/broadcast.h"
