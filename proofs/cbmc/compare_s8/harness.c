/* Relations of two tensors; operands are scaled down, so their shifts are not positive. */
#include "proof.h"
#include "mcuq_compare_s8.h"

#include "families/broadcast_fields.h"

static void check(const int32_t *sizes, const int32_t *a_strides, int32_t a_count, const int32_t *b_strides,
                  int32_t b_count)
{
    SYMBOLIC(int8_t, a, a_count);
    SYMBOLIC(int8_t, b, b_count);
    SYMBOLIC(int8_t, y, ELEMENTS(sizes));
    const mcuq_compare_s8_params p = {
        SIZES(sizes),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .a_zero_point = ZERO_POINT,
        .a_multiplier = MULTIPLIER,
        .a_shift = proof_number(-31, 0),
        .b_zero_point = ZERO_POINT,
        .b_multiplier = MULTIPLIER,
        .b_shift = proof_number(-31, 0),
        .lo = nondet_int32(),
        .hi = nondet_int32(),
        .negated = proof_number(0, 1),
    };
    mcuq_compare_s8(&p, a, b, y);
}

#include "families/broadcast.h"
