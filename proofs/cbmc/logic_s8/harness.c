/* Functions of two truth values; a table of four bits, and any limits of codes. */
#include "proof.h"
#include "mcuq_logic_s8.h"

#include "families/broadcast_fields.h"

static void check(const int32_t *sizes, const int32_t *a_strides, int32_t a_count, const int32_t *b_strides,
                  int32_t b_count)
{
    SYMBOLIC(int8_t, a, a_count);
    SYMBOLIC(int8_t, b, b_count);
    SYMBOLIC(int8_t, y, ELEMENTS(sizes));
    const mcuq_logic_s8_params p = {
        SIZES(sizes),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .truth = proof_number(0, 15),
        .a_limit = ZERO_POINT,
        .b_limit = ZERO_POINT,
    };
    mcuq_logic_s8(&p, a, b, y);
}

#include "families/broadcast.h"
