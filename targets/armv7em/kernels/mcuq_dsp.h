/*
 * The DSP instructions of Armv7E-M by name, and what they compute in C.
 *
 * The C is used where MCUQ_C_FORMS is defined, so that the same kernels are proven on a computer with sanitizers;
 * both compute the same bits.
 */
#ifndef MCUQ_DSP_H
#define MCUQ_DSP_H

#include "mcuq_common.h"

/* Each message says what the folder was built for and what to do; C forms elsewhere would be right, and slow. */
#if !defined(__GNUC__) || defined(__CC_ARM)
#error "mcuq: DSP kernels need GCC, Clang or Arm Compiler 6; for others build with --target cortex-m3: plain C99"
#elif defined(MCUQ_C_FORMS)
#define MCUQ_HAS_DSP 0
#elif defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
#define MCUQ_HAS_DSP 1
#else
#error "mcuq: built for Cortex-M4, M7, M33 or M55, compiled for a core without Thumb-2 and DSP instructions: \
check -mcpu, or build with --target for this core; to test on a computer, define MCUQ_C_FORMS"
#define MCUQ_HAS_DSP 0
#endif

/*
 * Whether words may be read from any address, as ACLE says it. -mno-unaligned-access says no: codes are then read byte
 * by byte, which is right with CCR.UNALIGN_TRP set and in Device memory.
 */
#if MCUQ_HAS_DSP && defined(__ARM_FEATURE_UNALIGNED)
#define MCUQ_HAS_UNALIGNED 1
#else
#define MCUQ_HAS_UNALIGNED 0
#endif

/* Words that may lie over memory of any type: a scratch buffer holds what a kernel puts there. */
typedef uint32_t mcuq_word __attribute__((may_alias));

/* Four codes as a word, from any address. */
static inline uint32_t mcuq_load4(const int8_t *from)
{
#if MCUQ_HAS_DSP && !MCUQ_HAS_UNALIGNED
    const uint32_t low = (uint32_t)(uint8_t)from[0] | ((uint32_t)(uint8_t)from[1] << 8);
    const uint32_t high = (uint32_t)(uint8_t)from[2] | ((uint32_t)(uint8_t)from[3] << 8);
    return low | (high << 16);
#else
    uint32_t word;
    (void)memcpy(&word, from, sizeof word);
    return word;
#endif
}

#if MCUQ_HAS_DSP

/* Bytes 0 and 2, sign-extended, as the halves of a word. */
static inline uint32_t mcuq_sxtb16(uint32_t x)
{
    uint32_t y;
    __asm__("sxtb16 %0, %1" : "=r"(y) : "r"(x));
    return y;
}

/* Bytes 1 and 3, sign-extended, as the halves of a word. */
static inline uint32_t mcuq_sxtb16_odd(uint32_t x)
{
    uint32_t y;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x));
    return y;
}

/* The halves of a and of mcuq_sxtb16(x), added. */
static inline uint32_t mcuq_sxtab16(uint32_t a, uint32_t x)
{
    uint32_t y;
    __asm__("sxtab16 %0, %1, %2" : "=r"(y) : "r"(a), "r"(x));
    return y;
}

/* The halves of a and of mcuq_sxtb16_odd(x), added. */
static inline uint32_t mcuq_sxtab16_odd(uint32_t a, uint32_t x)
{
    uint32_t y;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(y) : "r"(a), "r"(x));
    return y;
}

/* The halves of a and b, added. */
static inline uint32_t mcuq_sadd16(uint32_t a, uint32_t b)
{
    uint32_t y;
    __asm__("sadd16 %0, %1, %2" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

/* The halves of b subtracted from those of a. */
static inline uint32_t mcuq_ssub16(uint32_t a, uint32_t b)
{
    uint32_t y;
    __asm__("ssub16 %0, %1, %2" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

/* The low half of a below the low half of b. */
static inline uint32_t mcuq_pack_low(uint32_t a, uint32_t b)
{
    uint32_t y;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

/* The high half of a below the high half of b. */
static inline uint32_t mcuq_pack_high(uint32_t a, uint32_t b)
{
    uint32_t y;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

/* sum + low(a) * low(b) + high(a) * high(b), modulo 2^32 */
static inline int32_t mcuq_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t y;
    __asm__("smlad %0, %1, %2, %3" : "=r"(y) : "r"(a), "r"(b), "r"(sum));
    return y;
}

/* (a * b + 2^31) >> 32 */
static inline int32_t mcuq_smmulr(int32_t a, int32_t b)
{
    int32_t y;
    __asm__("smmulr %0, %1, %2" : "=r"(y) : "r"(a), "r"(b));
    return y;
}

/* ((sum << 32) + a * b + 2^31) >> 32, modulo 2^32 */
static inline int32_t mcuq_smmlar(int32_t a, int32_t b, int32_t sum)
{
    int32_t y;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(y) : "r"(a), "r"(b), "r"(sum));
    return y;
}

/* The larger codes of two words, byte by byte. */
static inline uint32_t mcuq_larger4(uint32_t a, uint32_t b)
{
    uint32_t difference;
    __asm__("ssub8 %1, %0, %2\n sel %0, %0, %2" : "+r"(a), "=&r"(difference) : "r"(b) : "cc");
    return a;
}

/* x limited to int8 */
static inline int32_t mcuq_ssat8(int32_t x)
{
    int32_t y;
    __asm__("ssat %0, #8, %1" : "=r"(y) : "r"(x));
    return y;
}

#else

static inline int32_t mcuq_byte(uint32_t x, uint32_t index)
{
    return (int8_t)(uint8_t)(x >> (8U * index));
}

static inline int32_t mcuq_half(uint32_t x, uint32_t index)
{
    return (int16_t)(uint16_t)(x >> (16U * index));
}

static inline uint32_t mcuq_sxtb16(uint32_t x)
{
    return ((uint32_t)mcuq_byte(x, 0U) & 0xFFFFU) | ((uint32_t)mcuq_byte(x, 2U) << 16);
}

static inline uint32_t mcuq_sxtb16_odd(uint32_t x)
{
    return ((uint32_t)mcuq_byte(x, 1U) & 0xFFFFU) | ((uint32_t)mcuq_byte(x, 3U) << 16);
}

static inline uint32_t mcuq_sadd16(uint32_t a, uint32_t b)
{
    return ((a + b) & 0xFFFFU) | ((a & 0xFFFF0000U) + (b & 0xFFFF0000U));
}

static inline uint32_t mcuq_ssub16(uint32_t a, uint32_t b)
{
    return ((a - b) & 0xFFFFU) | ((a & 0xFFFF0000U) - (b & 0xFFFF0000U));
}

static inline uint32_t mcuq_sxtab16(uint32_t a, uint32_t x)
{
    return mcuq_sadd16(a, mcuq_sxtb16(x));
}

static inline uint32_t mcuq_sxtab16_odd(uint32_t a, uint32_t x)
{
    return mcuq_sadd16(a, mcuq_sxtb16_odd(x));
}

static inline uint32_t mcuq_pack_low(uint32_t a, uint32_t b)
{
    return (a & 0xFFFFU) | (b << 16);
}

static inline uint32_t mcuq_pack_high(uint32_t a, uint32_t b)
{
    return (a >> 16) | (b & 0xFFFF0000U);
}

static inline int32_t mcuq_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    const uint32_t low = (uint32_t)(mcuq_half(a, 0U) * mcuq_half(b, 0U));
    const uint32_t high = (uint32_t)(mcuq_half(a, 1U) * mcuq_half(b, 1U));
    return (int32_t)((uint32_t)sum + low + high);
}

static inline int32_t mcuq_smmulr(int32_t a, int32_t b)
{
    return (int32_t)((((int64_t)a * b) + ((int64_t)1 << 31)) >> 32);
}

static inline int32_t mcuq_smmlar(int32_t a, int32_t b, int32_t sum)
{
    return (int32_t)((uint32_t)mcuq_smmulr(a, b) + (uint32_t)sum);
}

static inline uint32_t mcuq_larger4(uint32_t a, uint32_t b)
{
    uint32_t y = 0;
    for (uint32_t i = 0; i < 4U; i++) {
        const int32_t larger = (mcuq_byte(a, i) > mcuq_byte(b, i)) ? mcuq_byte(a, i) : mcuq_byte(b, i);
        y |= ((uint32_t)larger & 0xFFU) << (8U * i);
    }
    return y;
}

static inline int32_t mcuq_ssat8(int32_t x)
{
    const int32_t above = (x < -128) ? -128 : x;
    return (above > 127) ? 127 : above;
}

#endif

/* mcuq_requantize_dsp of half of `doubled`, which is even. */
static inline int32_t mcuq_requantize_doubled_dsp(int32_t doubled, int32_t multiplier, int32_t right, int32_t offset)
{
    const int32_t high = mcuq_smmulr(doubled, multiplier);
    return mcuq_ssat8((high + (high >> 31) + offset) >> right);
}

/*
 * Requantization in six instructions, the contract "double" exactly while |sum| < 2^30 and 1 <= right <= 23:
 * the high half of the product with its sign added, so that ties go away from zero, then the shift.
 *
 * offset: (1 << (right - 1)) + (zero_point << right).
 */
static inline int32_t mcuq_requantize_dsp(int32_t sum, int32_t multiplier, int32_t right, int32_t offset)
{
    return mcuq_requantize_doubled_dsp(sum * 2, multiplier, right, offset);
}

/*
 * Requantization in two instructions behind a shift, for channels of which it is proven that it gives the contract's
 * code for every sum. The sum is without its bias, and below 2^(31 - scale) in magnitude.
 */
static inline int32_t mcuq_requantize_short(int32_t sum, int32_t scale, int32_t multiplier, int32_t addend)
{
    return mcuq_ssat8((mcuq_smmulr(sum * ((int32_t)1 << scale), multiplier) + addend) >> 17);
}

/* The offset of a right shift and a zero point. */
static inline int32_t mcuq_offset_dsp(int32_t right, int32_t zero_point)
{
    return (int32_t)((uint32_t)1 << (right - 1)) + (zero_point * (1 << right));
}

#endif
