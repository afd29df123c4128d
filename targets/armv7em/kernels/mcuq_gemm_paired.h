/*
 * Weights of two channels in one halfword, and what the products with them need per channel.
 *
 * A halfword holds 256 b + a of two channels a and b. With the raw word the sum is T = 256 B + A modulo 2^32, with its
 * low bytes A; then B = (T - A) / 256, exact while B, its bias included, lies in [-2^23, 2^23).
 *
 * Twelve words belong to four channels a to d: bias a, 256 bias b + bias a, bias c, 256 bias d + bias c; then for each
 * its multiplier and its offset, that of mcuq_offset_dsp, whose lowest bit tells the right shift.
 */
#ifndef MCUQ_GEMM_PAIRED_H
#define MCUQ_GEMM_PAIRED_H

#include "mcuq_dsp.h"

#if !MCUQ_HAS_DSP

/* The sums of channels a and b; x every x_step words, w every w_step bytes. */
MCUQ_KERNEL void mcuq_gemm_paired_two(const mcuq_word *x, const mcuq_word *x_end, int32_t x_step, const int8_t *w,
                                      int32_t w_step, int32_t sums[2])
{
    uint32_t both = (uint32_t)sums[1];
    int32_t low = sums[0];
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

/* The codes of four channels. The right shift is one more than the offset's lowest bit. */
MCUQ_KERNEL void mcuq_gemm_paired_four(const mcuq_word *x, const mcuq_word *x_end, int32_t x_step, const int8_t *w,
                                       int32_t w_step, const int32_t *channels, int8_t *y)
{
    int32_t sums[4] = {channels[0], channels[1], channels[2], channels[3]};
    mcuq_gemm_paired_two(x, x_end, x_step, w, w_step, &sums[0]);
    mcuq_gemm_paired_two(x, x_end, x_step, &w[4], w_step, &sums[2]);
    for (int32_t i = 0; i < 4; i++) {
        const int32_t offset = channels[5 + (2 * i)];
        int32_t right = 1;
        while ((((uint32_t)offset >> (right - 1)) & 1U) == 0U) {
            right++;
        }
        y[i] = (int8_t)mcuq_requantize_dsp(sums[i], channels[4 + (2 * i)], right, offset);
    }
}

#endif

#endif
