/*
 * The product of 2 pixels with all output channels, 4 at a time, from weights of two channels in one halfword.
 */
#ifndef MCUQ_GEMM_4X2_H
#define MCUQ_GEMM_4X2_H

#include "mcuq_gemm_paired.h"

/*
 * x: `wide` words, a multiple of 4: the pixels' pairs of codes alternate. Its end is x_end.
 * channels: twelve words per four channels, see mcuq_gemm_paired.h.
 * groups: how many fours of channels, at least 1. weights: 4 bytes per channel and word of x.
 * y: channel 0 of pixel 0; pixel 1 lies `stride` codes on, or in the same place where there is none: then stride is 0.
 * adjust: bytes that the first walk through the unrolled loop leaves out, 4 * (-wide % 16).
 */
typedef struct {
    const mcuq_word *x;
    const mcuq_word *x_end;
    const int32_t *channels;
    int32_t groups;
    int8_t *y;
    int32_t stride;
    int32_t adjust;
    const int8_t *weights;
} mcuq_gemm_4x2_walk;

#if MCUQ_HAS_DSP

/* Two codes of x of each pixel, \at bytes on: 16 products in 15 cycles and 56 bytes. */
#define MCUQ_GEMM_4X2_STEP                                                                                 \
    "ldr.w r2, [r1, #\\at]\n ldr.w r3, [r1, #\\at + 4]\n"                                                  \
    "ldr.w r12, [r0, #\\at]\n ldr.w lr, [r0, #\\at + 4]\n"                                                 \
    "smlad r5, r2, r12, r5\n smlad r9, r2, lr, r9\n smlad r7, r3, r12, r7\n smlad r11, r3, lr, r11\n"      \
    "sxtb16 r2, r2\n sxtb16 r3, r3\n"                                                                      \
    "smlad r4, r2, r12, r4\n smlad r8, r2, lr, r8\n smlad r6, r3, r12, r6\n smlad r10, r3, lr, r10\n"

/* A channel's doubled sums to codes; r0 = its multiplier and offset. The last bit of the shift is ssat's. */
#define MCUQ_GEMM_4X2_CODES(a, b)                                                                          \
    "ldm.w r0!, {r2, r3}\n rbit r12, r3\n clz r12, r12\n"                                                 \
    "add.w lr, r3, " #a ", asr #31\n smmlar " #a ", " #a ", r2, lr\n"                                      \
    "add.w lr, r3, " #b ", asr #31\n smmlar " #b ", " #b ", r2, lr\n"                                      \
    "asr.w " #a ", " #a ", r12\n ssat " #a ", #8, " #a ", asr #1\n"                                        \
    "asr.w " #b ", " #b ", r12\n ssat " #b ", #8, " #b ", asr #1\n"

/*
 * y[pixel * stride + channel] = requantized sum, limited to int8.
 *
 * The stack holds, by offset: 0 where the unrolled loop is entered (112 bytes of code for 16 of x), 4 x, 8 x_end,
 * 12 channels, 16 groups, 20 y, 24 stride, 28 adjust. The sums of channels a to d are in r4 to r7 for pixel 0 and in
 * r8 to r11 for pixel 1. From 1 on it takes less than 1 KiB: it stays in an instruction cache of that size. Narrow
 * instructions stand in pairs, so that wide ones lie in words.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2(const mcuq_gemm_4x2_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_4x2_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #32\n ldm r0, {r1-r8}\n adr r9, 2f\n rsb r10, r7, r7, lsl #3\n"
        "add r9, r9, r10\n orr r9, r9, #1\n sub r1, r1, r7\n str r9, [sp, #0]\n add r9, sp, #4\n"
        "stm r9, {r1-r7}\n mov r1, r8\n"
        ".p2align 2\n"
        "1:\n ldr.n r0, [sp, #12]\n ldr.n r2, [sp, #28]\n ldm.n r0!, {r4-r7}\n str.n r0, [sp, #12]\n"
        "subs.n r1, r1, r2\n ldr.n r0, [sp, #4]\n mov.n r8, r4\n mov.n r9, r5\n mov.n r10, r6\n mov.n r11, r7\n"
        "ldr.w pc, [sp, #0]\n"
        "2:\n .irp at, 0, 8, 16, 24, 32, 40, 48, 56\n" MCUQ_GEMM_4X2_STEP ".endr\n"
        "ldr.n r2, [sp, #8]\n adds.n r0, r0, #64\n adds.n r1, r1, #64\n cmp.n r0, r2\n bne.w 2b\n"
        "ldr.w r0, [sp, #12]\n"
        "subs.n r5, r5, r4\n subs.n r7, r7, r6\n sub.w r9, r9, r8\n sub.w r11, r11, r10\n"
        "lsls.n r4, r4, #1\n asrs.n r5, r5, #7\n lsls.n r6, r6, #1\n asrs.n r7, r7, #7\n"
        "lsl.w r8, r8, #1\n asr.w r9, r9, #7\n lsl.w r10, r10, #1\n asr.w r11, r11, #7\n"
        MCUQ_GEMM_4X2_CODES(r4, r8) MCUQ_GEMM_4X2_CODES(r5, r9)
        MCUQ_GEMM_4X2_CODES(r6, r10) MCUQ_GEMM_4X2_CODES(r7, r11)
        "str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #24]\n ldr.w r12, [sp, #16]\n"
        "add.w r3, r3, r2\n subs.w r12, r12, #1\n"
        "strb.w r8, [r3, #0]\n strb.w r9, [r3, #1]\n strb.w r10, [r3, #2]\n strb.w r11, [r3, #3]\n"
        "strb.n r4, [r2, #0]\n strb.n r5, [r2, #1]\n strb.n r6, [r2, #2]\n strb.n r7, [r2, #3]\n"
        "add.w r2, r2, #4\n str.w r12, [sp, #16]\n str.w r2, [sp, #20]\n bne.w 1b\n"
        "add sp, sp, #32\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x2(const mcuq_gemm_4x2_walk *walk)
{
    const int32_t pixels = (walk->stride == 0) ? 1 : 2;
    const int32_t wide = (int32_t)(walk->x_end - walk->x);
    for (int32_t group = 0; group < walk->groups; group++) {
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            mcuq_gemm_paired_four(&walk->x[pixel], &walk->x_end[pixel], 2, &walk->weights[4 * wide * group], 8,
                                  &walk->channels[12 * group], &walk->y[(pixel * walk->stride) + (4 * group)]);
        }
    }
}

#endif

#endif
