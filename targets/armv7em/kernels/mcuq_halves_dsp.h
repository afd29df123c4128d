/*
 * Products of halves of words, and codes of int16 from sums, for cores with DSP instructions.
 */
#ifndef MCUQ_HALVES_DSP_H
#define MCUQ_HALVES_DSP_H

#include "mcuq_dsp.h"
#include "mcuq_mixed.h"

/* Right shifts up to which a sum takes five instructions; a channel beyond has 64 less its shift, 34 to 95. */
#define MCUQ_HALVES_DSP_MOST 23

/* Two codes of int16 or int8 as a word, from any address of codes. */
MCUQ_INLINE uint32_t mcuq_load_two(const void *from, int32_t is_wide)
{
    uint32_t word;
    if (is_wide != 0) {
        (void)memcpy(&word, from, sizeof word);
    } else {
        const int8_t *const codes = (const int8_t *)from;
        word = ((uint32_t)(int32_t)codes[0] & 0xFFFFU) | ((uint32_t)(int32_t)codes[1] << 16);
    }
    return word;
}

#if MCUQ_HAS_DSP

/* sum + low(a) * low(b), modulo 2^32 */
static inline int32_t mcuq_smlabb(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t y;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(y) : "r"(a), "r"(b), "r"(sum));
    return y;
}

/* sum + high(a) * high(b), modulo 2^32 */
static inline int32_t mcuq_smlatt(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t y;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(y) : "r"(a), "r"(b), "r"(sum));
    return y;
}

#else

static inline int32_t mcuq_smlabb(uint32_t a, uint32_t b, int32_t sum)
{
    return (int32_t)((uint32_t)sum + (uint32_t)(mcuq_half(a, 0U) * mcuq_half(b, 0U)));
}

static inline int32_t mcuq_smlatt(uint32_t a, uint32_t b, int32_t sum)
{
    return (int32_t)((uint32_t)sum + (uint32_t)(mcuq_half(a, 1U) * mcuq_half(b, 1U)));
}

#endif

/* What a channel needs: bias with the zero point of x folded in, multiplier, right shift and half its step. */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t right;
    int32_t half;
} mcuq_halves_channel;

/* How codes end. */
typedef struct {
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_halves_end;

/*
 * A sum that holds its bias, requantized: the contract "double" exactly while |sum| < 2^30 and 1 <= right <= 23. The
 * sign of the sum is that of its high half where that is not 0; where it is 0, half a step less 1 gives 0 as well.
 */
MCUQ_INLINE int32_t mcuq_halves_raw(int32_t sum, const mcuq_halves_channel *channel)
{
    return mcuq_smmlar(sum * 2, channel->multiplier, channel->half + (sum >> 31)) >> channel->right;
}

/* The code of a sum of any channel. */
MCUQ_INLINE int32_t mcuq_halves_code(int32_t sum, const mcuq_halves_channel *channel, const mcuq_halves_end *end)
{
    int32_t code;
    if (channel->right <= MCUQ_HALVES_DSP_MOST) {
        code = mcuq_halves_raw(sum, channel);
    } else {
        code = mcuq_requantize(sum, channel->multiplier, 64 - channel->right);
    }
    code += end->y_zero_point;
    code = (code < end->lo) ? end->lo : code;
    return (code > end->hi) ? end->hi : code;
}

/* A code into element i of y, of a type that callers give as a constant. */
MCUQ_INLINE void mcuq_halves_put(void *y, int32_t i, int32_t code, int32_t is_wide)
{
    if (is_wide != 0) {
        ((mcuq_int16 *)y)[i] = (int16_t)code;
    } else {
        ((int8_t *)y)[i] = (int8_t)code;
    }
}

#endif
