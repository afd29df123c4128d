/*
 * Weights of two channels in one halfword, and what the products with them need per channel.
 *
 * A halfword holds 256 b + a of two channels a and b. With the raw word the sum is T = 256 B + A modulo 2^32, with its
 * low bytes A; then B = (T - A) / 256, exact while B lies in [-2^23, 2^23). Sums begin with 0: the bias comes later.
 *
 * Four channels have nine words or thirteen, or more where they are odd. The first tells which. Where it is not 0 it is
 * their scale, 8 to 20, and a multiplier and an addend of each follow, for mcuq_requantize_short. Where it is 0 there
 * follow for each twice its bias, its multiplier, and its offset, that of mcuq_offset_dsp, whose lowest bit tells the
 * right shift.
 *
 * Where it is negative the four are odd: products write sums in place of codes, as words A, 256 B modulo 2^32 of two
 * channels each, and mcuq_gemm_paired_odd makes codes of them. Less the first word is the number of words. There follow
 * how many codes of x, a multiple of 4, sums may be taken of at a time so that B lies within its bounds; the zero
 * point; for each its bias, multiplier, right shift as mcuq_channel_dsp.h has it, and offset; then 4 k + c for each
 * code k of x that is to be subtracted from the sum of c: its weight is -128 and does not fit into a halfword, which
 * holds -127.
 */
#ifndef MCUQ_GEMM_PAIRED_H
#define MCUQ_GEMM_PAIRED_H

#include "mcuq_channel_dsp.h"

/* Words of four odd channels: before those of channel i, and before those that tell of weights of -128. */
#define MCUQ_GEMM_PAIRED_ODD(i) (3 + (4 * (i)))
#define MCUQ_GEMM_PAIRED_ODD_WORDS MCUQ_GEMM_PAIRED_ODD(4)

/* How many of the next `most` fours have a form, until the first that are odd; the words behind them to next. */
static inline int32_t mcuq_gemm_paired_run(const int32_t *channels, int32_t most, const int32_t **next)
{
    int32_t run = 0;
    for (; (run < most) && (channels[0] >= 0); run++) {
        channels = &channels[(channels[0] == 0) ? 13 : 9];
    }
    *next = channels;
    return run;
}

/* A product's words A and 256 B of four odd channels become their sums. */
static inline void mcuq_gemm_paired_split(int32_t sums[4])
{
    sums[1] >>= 8;
    sums[3] >>= 8;
}

/* Those of another part of the codes are added. */
static inline void mcuq_gemm_paired_add(int32_t sums[4], const int32_t part[4])
{
    sums[0] += part[0];
    sums[1] += part[1] >> 8;
    sums[2] += part[2];
    sums[3] += part[3] >> 8;
}

/* And become codes; x: a pixel's pairs of codes, every x_step words. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_paired_odd(const int32_t *four, const mcuq_word *x, int32_t x_step,
                                                    int32_t sums[4], int8_t *y)
{
    for (int32_t i = MCUQ_GEMM_PAIRED_ODD_WORDS; i < -four[0]; i++) {
        const uint32_t k = (uint32_t)four[i] / 4U;
        const uint32_t word = x[(int32_t)((2U * (k / 4U)) + (k % 2U)) * x_step];
        sums[(uint32_t)four[i] % 4U] -= (int16_t)(uint16_t)(((k % 4U) < 2U) ? word : (word >> 16));
    }
    for (int32_t i = 0; i < 4; i++) {
        const int32_t *const channel = &four[MCUQ_GEMM_PAIRED_ODD(i)];
        if (channel[2] <= MCUQ_CHANNEL_DSP_MOST) {
            y[i] = (int8_t)mcuq_requantize_dsp(sums[i] + channel[0], channel[1], channel[2], channel[3]);
        } else {
            y[i] = mcuq_channel_dsp_code(sums[i] + channel[0], channel[1], channel[2], four[2], -128, 127);
        }
    }
}

#if !MCUQ_HAS_DSP

/* The sums of channels a and b; x every x_step words, w every w_step bytes. */
MCUQ_KERNEL void mcuq_gemm_paired_two(const mcuq_word *x, const mcuq_word *x_end, int32_t x_step, const int8_t *w,
                                      int32_t w_step, int32_t sums[2])
{
    uint32_t both = 0;
    int32_t low = 0;
    int32_t at = 0;
    for (; x != x_end; x = &x[x_step]) {
        const uint32_t word = mcuq_load4(&w[at]);
        both = (uint32_t)mcuq_smlad(word, *x, (int32_t)both);
        low = mcuq_smlad(mcuq_sxtb16(word), *x, low);
        at += w_step;
    }
    sums[0] = low;
    sums[1] = (int32_t)(both - (uint32_t)low) >> 8;
}

/* The sums of four odd channels, to y as the assembly writes them. */
MCUQ_KERNEL void mcuq_gemm_paired_raw(const mcuq_word *x, const mcuq_word *x_end, int32_t x_step, const int8_t *w,
                                      int32_t w_step, int8_t *y)
{
    int32_t sums[4];
    mcuq_gemm_paired_two(x, x_end, x_step, w, w_step, &sums[0]);
    mcuq_gemm_paired_two(x, x_end, x_step, &w[4], w_step, &sums[2]);
    sums[1] *= 256;
    sums[3] *= 256;
    (void)memcpy(y, sums, sizeof sums);
}

/* A code from a sum and a channel's three words. The right shift is one more than the offset's lowest bit. */
MCUQ_KERNEL int32_t mcuq_gemm_paired_long(int32_t sum, const int32_t *channel)
{
    int32_t right = 1;
    while ((((uint32_t)channel[2] >> (right - 1)) & 1U) == 0U) {
        right++;
    }
    return mcuq_requantize_dsp(sum + (channel[0] / 2), channel[1], right, channel[2]);
}

/* The codes of four channels; returns the words of the next four. */
MCUQ_KERNEL const int32_t *mcuq_gemm_paired_four(const mcuq_word *x, const mcuq_word *x_end, int32_t x_step,
                                                 const int8_t *w, int32_t w_step, const int32_t *channels, int8_t *y)
{
    const int32_t scale = channels[0];
    int32_t sums[4];
    mcuq_gemm_paired_two(x, x_end, x_step, w, w_step, &sums[0]);
    mcuq_gemm_paired_two(x, x_end, x_step, &w[4], w_step, &sums[2]);
    for (int32_t i = 0; i < 4; i++) {
        if (scale == 0) {
            y[i] = (int8_t)mcuq_gemm_paired_long(sums[i], &channels[1 + (3 * i)]);
        } else {
            y[i] = (int8_t)mcuq_requantize_short(sums[i], scale, channels[1 + (2 * i)], channels[2 + (2 * i)]);
        }
    }
    return (scale == 0) ? &channels[13] : &channels[9];
}

#endif

#endif
