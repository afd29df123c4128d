/*
 * The inner product of 2 output channels and 4 pixels.
 */
#ifndef MCUQ_GEMM_2X4_H
#define MCUQ_GEMM_2X4_H

#include "mcuq_dsp.h"

/*
 * sums: channel 0 of pixels 0 to 3, then channel 1; begun with the bias.
 * x_main: end of the part of x that is walked 8 words of weights at a time; x_end: end of the rest, 2 at a time.
 */
typedef struct {
    int32_t sums[8];
    const mcuq_word *x_main;
    const mcuq_word *x_end;
} mcuq_gemm_block;

#if MCUQ_HAS_DSP

/* Word i of the weights and its four words of x: 16 products in 17 cycles. */
#define MCUQ_GEMM_STEP(w, x0, x1, x2, x3)                                                                  \
    "ldr r12, [r1, #" #w "]\n ldr r2, [r0, #" #x0 "]\n ldr r3, [r0, #" #x1 "]\n"                            \
    "sxtb16 lr, r12\n sxtb16 r12, r12, ror #8\n"                                                            \
    "smlad r4, lr, r2, r4\n smlad r5, lr, r3, r5\n smlad r8, r12, r2, r8\n smlad r9, r12, r3, r9\n"          \
    "ldr r2, [r0, #" #x2 "]\n ldr r3, [r0, #" #x3 "]\n"                                                      \
    "smlad r6, lr, r2, r6\n smlad r7, lr, r3, r7\n smlad r10, r12, r2, r10\n smlad r11, r12, r3, r11\n"

/* r0 = x, r1 = w, r2 = block. Saves what it uses; touches no other memory than the block's sums. */
MCUQ_KERNEL MCUQ_ASSEMBLY void mcuq_gemm_2x4(const mcuq_word *x MCUQ_IN_REGISTER,
                                             const int8_t *w MCUQ_IN_REGISTER,
                                             mcuq_gemm_block *block MCUQ_IN_REGISTER)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #12\n"
        "ldr r3, [r2, #32]\n ldr r12, [r2, #36]\n str r3, [sp, #0]\n str r12, [sp, #4]\n str r2, [sp, #8]\n"
        "ldm r2, {r4-r11}\n cmp r0, r3\n beq 2f\n"
        ".p2align 2\n"
        "1:\n" MCUQ_GEMM_STEP(0, 0, 4, 8, 12) MCUQ_GEMM_STEP(4, 16, 20, 24, 28)
            MCUQ_GEMM_STEP(8, 32, 36, 40, 44) MCUQ_GEMM_STEP(12, 48, 52, 56, 60)
                MCUQ_GEMM_STEP(16, 64, 68, 72, 76) MCUQ_GEMM_STEP(20, 80, 84, 88, 92)
                    MCUQ_GEMM_STEP(24, 96, 100, 104, 108) MCUQ_GEMM_STEP(28, 112, 116, 120, 124)
        "ldr lr, [sp, #0]\n add r0, r0, #128\n add r1, r1, #32\n cmp r0, lr\n bne 1b\n"
        "2:\n ldr lr, [sp, #4]\n cmp r0, lr\n beq 4f\n"
        "3:\n" MCUQ_GEMM_STEP(0, 0, 4, 8, 12) MCUQ_GEMM_STEP(4, 16, 20, 24, 28)
        "ldr lr, [sp, #4]\n add r0, r0, #32\n add r1, r1, #8\n cmp r0, lr\n bne 3b\n"
        "4:\n ldr r2, [sp, #8]\n stm r2, {r4-r11}\n add sp, sp, #12\n pop {r4-r11, pc}\n");
}

#else

MCUQ_KERNEL void mcuq_gemm_2x4(const mcuq_word *x, const int8_t *w, mcuq_gemm_block *block)
{
    while (x != block->x_end) {
        const uint32_t word = mcuq_load4(w);
        for (int32_t pixel = 0; pixel < 4; pixel++) {
            block->sums[pixel] = mcuq_smlad(mcuq_sxtb16(word), x[pixel], block->sums[pixel]);
            block->sums[4 + pixel] = mcuq_smlad(mcuq_sxtb16_odd(word), x[pixel], block->sums[4 + pixel]);
        }
        x = &x[4];
        w = &w[4];
    }
}

#endif

/*
 * Codes as pairs of halves, (x[0], x[2]) and (x[1], x[3]), every fourth word of `to`: room for four pixels side
 * by side. count is a multiple of 4.
 */
MCUQ_KERNEL void mcuq_gemm_2x4_expand(mcuq_word *to, const int8_t *from, int32_t count)
{
    for (; count >= 16; count -= 16) {
        const uint32_t a = mcuq_load4(&from[0]);
        const uint32_t b = mcuq_load4(&from[4]);
        const uint32_t c = mcuq_load4(&from[8]);
        const uint32_t d = mcuq_load4(&from[12]);
        to[0] = mcuq_sxtb16(a);
        to[4] = mcuq_sxtb16_odd(a);
        to[8] = mcuq_sxtb16(b);
        to[12] = mcuq_sxtb16_odd(b);
        to[16] = mcuq_sxtb16(c);
        to[20] = mcuq_sxtb16_odd(c);
        to[24] = mcuq_sxtb16(d);
        to[28] = mcuq_sxtb16_odd(d);
        from = &from[16];
        to = &to[32];
    }
    for (; count > 0; count -= 4) {
        const uint32_t a = mcuq_load4(from);
        to[0] = mcuq_sxtb16(a);
        to[4] = mcuq_sxtb16_odd(a);
        from = &from[4];
        to = &to[8];
    }
}

#endif
