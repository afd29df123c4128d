/*
 * Weights of four bits of four channels in one halfword, and what products with them need.
 *
 * A halfword holds, from its lowest bits on, a + 8, b + 8, c + 8 and d of four channels, four bits each, d signed. Four
 * operands are made of a word of two halfwords, with an instruction each: a + 8; (a + 8) + 16 (b + 8); 256 (c + 8);
 * (c + 8) + 16 d. What is 8 too many adds up to 8 S, where S is the sum of the codes of x, the same for all channels:
 * sums begin with that much less, modulo 2^32.
 *
 * Words per four channels are those of mcuq_gemm_paired.h; no weight of these is -128, and sums are taken at once.
 */
#ifndef MCUQ_GEMM_W4_H
#define MCUQ_GEMM_W4_H

#include "mcuq_gemm_paired.h"

/* -8 S of `count` words of x, each `step` words apart. */
MCUQ_KERNEL int32_t mcuq_gemm_w4_begin(const mcuq_word *x, int32_t count, int32_t step)
{
    int32_t sum = 0;
    for (; count >= 4; count -= 4) {
        sum = mcuq_smlad(x[0], 0x00010001U, sum);
        sum = mcuq_smlad(x[step], 0x00010001U, sum);
        sum = mcuq_smlad(x[2 * step], 0x00010001U, sum);
        sum = mcuq_smlad(x[3 * step], 0x00010001U, sum);
        x = &x[4 * step];
    }
    for (; count > 0; count--) {
        sum = mcuq_smlad(x[0], 0x00010001U, sum);
        x = &x[step];
    }
    return -8 * sum;
}

/* Sums A, 16 B, 256 C, 16 D become A, B, C, D. */
static inline void mcuq_gemm_w4_split(int32_t sums[4])
{
    sums[1] >>= 4;
    sums[2] >>= 8;
    sums[3] >>= 4;
}

/* A code from a sum and a channel's three words. The right shift is one more than the offset's lowest bit. */
static inline int32_t mcuq_gemm_w4_long(int32_t sum, const int32_t *channel)
{
    const int32_t right = __builtin_ctz((uint32_t)channel[2]) + 1;
    return mcuq_requantize_dsp(sum + (channel[0] / 2), channel[1], right, channel[2]);
}

/* The codes of four channels of any form from A, B, C, D; returns the words of the next four. */
MCUQ_KERNEL const int32_t *mcuq_gemm_w4_four(int32_t sums[4], const int32_t *channels, int8_t *y)
{
    const int32_t scale = channels[0];
    if (scale < 0) {
        /* No weight is missing, so that no x is read. */
        mcuq_gemm_paired_odd(channels, NULL, 1, sums, y);
        return &channels[-scale];
    }
    for (int32_t i = 0; i < 4; i++) {
        if (scale == 0) {
            y[i] = (int8_t)mcuq_gemm_w4_long(sums[i], &channels[1 + (3 * i)]);
        } else {
            y[i] = (int8_t)mcuq_requantize_short(sums[i], scale, channels[1 + (2 * i)], channels[2 + (2 * i)]);
        }
    }
    return (scale == 0) ? &channels[13] : &channels[9];
}

#if MCUQ_HAS_DSP

/* Two codes of four channels, in \w and then \t, by words of x: a into \a and so on, see above. */
#define MCUQ_GEMM_W4_FIRST(t, w) "uxtb16 " #t ", " #w "\n"
#define MCUQ_GEMM_W4_SECOND(t, w) "and.w " #t ", " #w ", #0x000f000f\n"
#define MCUQ_GEMM_W4_THIRD(t, w) "sxtb16 " #t ", " #w ", ror #8\n"
#define MCUQ_GEMM_W4_LAST(w) "and.w " #w ", " #w ", #0x0f000f00\n"

#else

/* A signed weight: number `channel` of four in half `index` of a word. */
static inline int32_t mcuq_gemm_w4_weight(uint32_t word, uint32_t index, uint32_t channel)
{
    const uint32_t bits = (word >> ((16U * index) + (4U * channel))) & 15U;
    return (int32_t)((channel == 3U) ? (bits ^ 8U) : bits) - 8;
}

/* The sums of four channels; x every x_step words, w every w_step bytes. */
MCUQ_KERNEL void mcuq_gemm_w4_sums(const mcuq_word *x, const mcuq_word *x_end, int32_t x_step, const int8_t *w,
                                   int32_t w_step, int32_t sums[4])
{
    (void)memset(sums, 0, 4U * sizeof sums[0]);
    for (; x != x_end; x = &x[x_step]) {
        const uint32_t word = mcuq_load4(w);
        for (uint32_t i = 0; i < 8U; i++) {
            const int32_t weight = mcuq_gemm_w4_weight(word, i / 4U, i % 4U);
            /* What meets weights of 0 may never have been written. */
            if (weight != 0) {
                sums[i % 4U] += mcuq_half(*x, i / 4U) * weight;
            }
        }
        w = &w[w_step];
    }
}

/* As words that the assembly writes of odd channels. */
static inline void mcuq_gemm_w4_raw(int32_t sums[4])
{
    sums[1] *= 16;
    sums[2] *= 256;
    sums[3] *= 16;
}

#endif

#endif
