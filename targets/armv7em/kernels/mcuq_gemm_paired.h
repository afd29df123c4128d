/*
 * Weights of two channels in one halfword, and what the products with them need per channel.
 *
 * A halfword holds 256 b + a of two channels a and b. With the raw word the sum is T = 256 B + A modulo 2^32, with its
 * low bytes A; then B = (T - A) / 256, exact while B lies in [-2^23, 2^23). Sums begin with 0: the bias comes later.
 *
 * Four channels have nine words or thirteen. The first tells which. Where it is not 0 it is their scale, 8 to 20, and a
 * multiplier and an addend of each follow, for mcuq_requantize_short. Where it is 0 there follow for each twice its
 * bias, its multiplier, and its offset, that of mcuq_offset_dsp, whose lowest bit tells the right shift.
 */
#ifndef MCUQ_GEMM_PAIRED_H
#define MCUQ_GEMM_PAIRED_H

#include "mcuq_dsp.h"

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
