/*
 * The product of one row of x with four rows of weights, and the row of x as it is read.
 */
#ifndef MCUQ_GEMM_4X1_H
#define MCUQ_GEMM_4X1_H

#include "mcuq_dsp.h"

#if MCUQ_HAS_DSP

/* Two words of weights for one word of x: 8 products in 12 cycles. */
#define MCUQ_GEMM_4X1_STEP(x, w0, w1)                                                                     \
    "ldr r8, [r0, #" #x "]\n ldr r9, [r1, #" #w0 "]\n ldr r10, [r1, #" #w1 "]\n"                            \
    "sxtb16 r2, r9\n sxtb16 r9, r9, ror #8\n sxtb16 lr, r10\n sxtb16 r10, r10, ror #8\n"                      \
    "smlad r4, r2, r8, r4\n smlad r5, r9, r8, r5\n smlad r6, lr, r8, r6\n smlad r7, r10, r8, r7\n"

/* r0 = x, r1 = w, r2 = end of x, r3 = four sums, begun with the bias. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x1(const mcuq_word *x, const int8_t *w, const mcuq_word *x_end,
                                             int32_t *sums)
{
    MCUQ_REGISTER(const mcuq_word *, r0, x);
    MCUQ_REGISTER(const int8_t *, r1, w);
    MCUQ_REGISTER(const mcuq_word *, r2, x_end);
    MCUQ_REGISTER(int32_t *, r3, sums);
    __asm__ volatile("push {r3-r11, lr}\n mov r11, r2\n ldm r3, {r4-r7}\n"
                     ".p2align 2\n"
                     "1:\n" MCUQ_GEMM_4X1_STEP(0, 0, 4) MCUQ_GEMM_4X1_STEP(4, 8, 12) MCUQ_GEMM_4X1_STEP(8, 16, 20)
                         MCUQ_GEMM_4X1_STEP(12, 24, 28)
                     "adds r0, #16\n adds r1, #32\n cmp r0, r11\n bne 1b\n"
                     "pop {r3}\n stm r3, {r4-r7}\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x1(const mcuq_word *x, const int8_t *w, const mcuq_word *x_end, int32_t *sums)
{
    while (x != x_end) {
        const uint32_t ab = mcuq_load4(w);
        const uint32_t cd = mcuq_load4(&w[4]);
        sums[0] = mcuq_smlad(mcuq_sxtb16(ab), *x, sums[0]);
        sums[1] = mcuq_smlad(mcuq_sxtb16_odd(ab), *x, sums[1]);
        sums[2] = mcuq_smlad(mcuq_sxtb16(cd), *x, sums[2]);
        sums[3] = mcuq_smlad(mcuq_sxtb16_odd(cd), *x, sums[3]);
        x = &x[1];
        w = &w[8];
    }
}

#endif

/* One row of x as pairs of halves, (x[0], x[2]) and (x[1], x[3]); zeros behind it. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x1_expand(mcuq_word *to, const int8_t *from, int32_t count,
                                                    int32_t wide)
{
    int32_t i = 0;
    for (; (i + 4) <= count; i += 4) {
        const uint32_t word = mcuq_load4(&from[i]);
        to[0] = mcuq_sxtb16(word);
        to[1] = mcuq_sxtb16_odd(word);
        to = &to[2];
    }
    for (; i < wide; i += 4) {
        int8_t four[4] = {0, 0, 0, 0};
        for (int32_t k = i; k < count; k++) {
            four[k - i] = from[k];
        }
        to[0] = mcuq_sxtb16(mcuq_load4(four));
        to[1] = mcuq_sxtb16_odd(mcuq_load4(four));
        to = &to[2];
    }
}

#endif
