/* One of two tensors; the condition has the strides of the first, once of the second. */
#include "proof.h"
#include "mcuq_select_s8.h"

#include "families/broadcast_fields.h"

static void check(const int32_t *sizes, const int32_t *a_strides, int32_t a_count, const int32_t *b_strides,
                  int32_t b_count)
{
    SYMBOLIC(int8_t, c, a_count);
    SYMBOLIC(int8_t, a, a_count);
    SYMBOLIC(int8_t, b, b_count);
    SYMBOLIC(int8_t, y, ELEMENTS(sizes));
    const mcuq_select_s8_params p = {
        SIZES(sizes),
        STRIDES(c, a_strides),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .limit = ZERO_POINT,
    };
    mcuq_select_s8(&p, c, a, b, y);
    const mcuq_select_s8_params other = {
        SIZES(sizes),
        STRIDES(c, b_strides),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .limit = ZERO_POINT,
    };
    mcuq_select_s8(&other, b, a, b, y);
}

#include "families/broadcast.h"
