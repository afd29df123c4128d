/* Additions as one plane: factors, addends and shifts of which no sum leaves int32, as is tried for all pairs. */
#include "proof.h"
#include "mcuq_add_s8_plane.h"

#include "families/broadcast_fields.h"

static void check(const int32_t *sizes, const int32_t *a_strides, int32_t a_count, const int32_t *b_strides,
                  int32_t b_count)
{
    SYMBOLIC(int8_t, a, a_count);
    SYMBOLIC(int8_t, b, b_count);
    SYMBOLIC(int8_t, y, ELEMENTS(sizes));
    const int32_t lo = proof_number(-128, 127);
    const int32_t most = (int32_t)1 << 22;
    const mcuq_add_s8_plane_params p = {
        SIZES(sizes),
        STRIDES(a, a_strides),
        STRIDES(b, b_strides),
        .a_factor = proof_number(-most, most),
        .b_factor = proof_number(-most, most),
        .addend = proof_number(-(most * 64), most * 64),
        .more = proof_number(-(most * 64), most * 64),
        .right = proof_number(1, 30),
        .lo = lo,
        .hi = proof_number(lo, 127),
    };
    mcuq_add_s8_plane(&p, a, b, y);
}

#include "families/broadcast.h"
