/*
 * A row of codes of int16 or int8 as words of two.
 */
#ifndef MCUQ_HALVES_ROW_H
#define MCUQ_HALVES_ROW_H

#include "mcuq_halves_dsp.h"

/* A row of x as words of two codes, an odd one before a 0; returns their sum. */
MCUQ_INLINE int32_t mcuq_halves_row_expand(mcuq_word *to, const void *x, int32_t count, int32_t is_wide)
{
    const uint32_t ones = 0x00010001U;
    int32_t sum = 0;
    int32_t k = 0;
    for (; k < (count - 3); k += 4) {
        const void *const from = mcuq_mixed_at(x, k, is_wide);
        uint32_t first;
        uint32_t second;
        if (is_wide != 0) {
            first = mcuq_load_two(from, 1);
            second = mcuq_load_two(mcuq_mixed_at(from, 2, 1), 1);
        } else {
            const uint32_t codes = mcuq_load4((const int8_t *)from);
            const uint32_t even = mcuq_sxtb16(codes);
            const uint32_t odd = mcuq_sxtb16_odd(codes);
            first = mcuq_pack_low(even, odd);
            second = mcuq_pack_high(even, odd);
        }
        to[0] = first;
        to[1] = second;
        to = &to[2];
        sum = mcuq_smlad(second, ones, mcuq_smlad(first, ones, sum));
    }
    for (; k < count; k += 2) {
        const uint32_t code = (uint32_t)mcuq_mixed_code(x, k, is_wide) & 0xFFFFU;
        const uint32_t next = ((k + 1) < count) ? (uint32_t)mcuq_mixed_code(x, k + 1, is_wide) : 0U;
        *to = mcuq_pack_low(code, next);
        sum = mcuq_smlad(*to, ones, sum);
        to = &to[1];
    }
    return sum;
}

#endif
