/*
 * Products of transformed inputs and weights, both int16: 4 channels by 2 tiles at each of some positions.
 */
#ifndef MCUQ_WINOGRAD_GEMM_H
#define MCUQ_WINOGRAD_GEMM_H

#include "mcuq_channel_dsp.h"

/* The loop is unrolled over so many pairs of input channels. */
#define MCUQ_WINOGRAD_GEMM_UNROLLED 15

/*
 * x [positions][steps][2]: at each position the pairs of input channels of two tiles alternate.
 * weights [positions][steps][4]: of four output channels.
 * sums [positions][4][2], up to sums_end: by output channel and tile.
 * adjust: bytes of x that the first step and the first walk through the unrolled loop read.
 * skip: steps that this walk leaves out. left: 0 where there is no other walk, otherwise one more than there are.
 */
typedef struct {
    const mcuq_word *x;
    const int32_t *weights;
    mcuq_word *sums;
    mcuq_word *sums_end;
    int32_t adjust;
    int32_t skip;
    int32_t left;
} mcuq_winograd_gemm_walk;

/* How the loop walks over `steps` (at least 2) pairs of channels. */
static inline void mcuq_winograd_gemm_plan(mcuq_winograd_gemm_walk *walk, int32_t steps)
{
    const int32_t others = (steps - 2) / MCUQ_WINOGRAD_GEMM_UNROLLED;
    const int32_t first = (steps - 1) - (MCUQ_WINOGRAD_GEMM_UNROLLED * others);
    walk->adjust = 8 * (first + 1);
    walk->skip = MCUQ_WINOGRAD_GEMM_UNROLLED - first;
    walk->left = (others > 0) ? (others + 1) : 0;
}

#if MCUQ_HAS_DSP

/* A pair of input channels of each tile, \at bytes on: 16 products in 16 cycles and 52 bytes. */
#define MCUQ_WINOGRAD_GEMM_STEP                                                                                 \
    "ldr.n r2, [r0, #\\at]\n ldr.n r3, [r0, #\\at + 4]\n"                                                  \
    "ldr.w r12, [r1, #\\at * 2]\n ldr.w lr, [r1, #\\at * 2 + 4]\n"                                         \
    "smlad r4, r12, r2, r4\n smlad r5, r12, r3, r5\n smlad r6, lr, r2, r6\n smlad r7, lr, r3, r7\n"        \
    "ldr.w r12, [r1, #\\at * 2 + 8]\n ldr.w lr, [r1, #\\at * 2 + 12]\n"                                    \
    "smlad r8, r12, r2, r8\n smlad r9, r12, r3, r9\n smlad r10, lr, r2, r10\n smlad r11, lr, r3, r11\n"

/*
 * sums[position][channel][tile] = sum of x * weights, modulo 2^32.
 *
 * The stack holds, by offset: 0 sums, 4 sums_end, 8 adjust, 12 where the unrolled loop is entered (52 bytes of code for
 * a step), 16 and 20 left, as it is and as it was. r0 and r1 stand one walk before what is read next.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_gemm(const mcuq_winograd_gemm_walk *walk)
{
    MCUQ_REGISTER(const mcuq_winograd_gemm_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #24\n ldm r0, {r1-r7}\n adr r9, 2f\n mov r10, #52\n"
        "mla r6, r6, r10, r9\n orr r6, r6, #1\n mov r8, r7\n stm sp, {r3-r8}\n"
        "sub r0, r1, #120\n sub r1, r2, #240\n"
        ".p2align 2\n"
        "1:\n ldr.w r12, [sp, #8]\n ldr.w lr, [sp, #12]\n ldr.n r2, [r0, #120]\n ldr.n r3, [r0, #124]\n"
        "ldr.w r8, [r1, #240]\n ldr.w r9, [r1, #244]\n ldr.w r10, [r1, #248]\n ldr.w r11, [r1, #252]\n"
        "add.w r0, r0, r12\n add.w r1, r1, r12, lsl #1\n"
        "smuad r4, r8, r2\n smuad r5, r8, r3\n smuad r6, r9, r2\n smuad r7, r9, r3\n"
        "smuad r8, r10, r2\n smuad r9, r10, r3\n smuad r10, r11, r2\n smuad r11, r11, r3\n"
        "bx lr\n"
        ".p2align 2\n"
        "2:\n .irp at, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112\n" MCUQ_WINOGRAD_GEMM_STEP ".endr\n"
        "ldr.n r3, [sp, #16]\n ldr.n r2, [sp, #0]\n ldr.w r12, [sp, #4]\n cbnz r3, 4f\n"
        "3:\n stm.w r2!, {r4-r11}\n cmp.n r2, r12\n str.n r2, [sp, #0]\n bne.w 1b\n"
        "add sp, sp, #24\n pop {r4-r11, lr}\n b.n 5f\n"
        "4:\n subs.n r3, r3, #1\n str.n r3, [sp, #16]\n itt ne\n addne.w r0, r0, #120\n addne.w r1, r1, #240\n"
        "bne.w 2b\n ldr.n r3, [sp, #20]\n str.n r3, [sp, #16]\n b.n 3b\n"
        "5:\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_winograd_gemm(const mcuq_winograd_gemm_walk *walk)
{
    const int32_t others = (walk->left > 0) ? (walk->left - 1) : 0;
    const int32_t steps = (walk->adjust / 8) + (MCUQ_WINOGRAD_GEMM_UNROLLED * others);
    const mcuq_word *x = walk->x;
    const int32_t *weights = walk->weights;
    for (mcuq_word *sums = walk->sums; sums != walk->sums_end; sums = &sums[8]) {
        for (int32_t i = 0; i < 8; i++) {
            sums[i] = 0U;
        }
        for (int32_t step = 0; step < steps; step++) {
            for (int32_t i = 0; i < 8; i++) {
                sums[i] = (uint32_t)mcuq_smlad((uint32_t)weights[i / 2], x[i % 2], (int32_t)sums[i]);
            }
            x = &x[2];
            weights = &weights[4];
        }
    }
}

#endif

#endif
