/*
 * The product of 2 pixels with all output channels, 4 at a time, from weights of two channels in one halfword.
 */
#ifndef MCUQ_GEMM_4X2_H
#define MCUQ_GEMM_4X2_H

#include "mcuq_gemm_paired.h"

/*
 * entry: where the first walk through the unrolled loop begins, see mcuq_gemm_4x2_begin.
 * x: `wide` words, a multiple of 4: the pixels' pairs of codes alternate. Its end is x_end.
 * channels: nine or thirteen words per four channels, see mcuq_gemm_paired.h.
 * groups: how many fours of channels, at least 1.
 * y: channel 0 of pixel 0; pixel 1 lies `stride` codes on, or in the same place where there is none: then stride is 0.
 * first: bytes that the first walk through the loop takes where that is not a whole one.
 * weights: 4 bytes per channel and word of x.
 */
typedef struct {
    int32_t entry;
    const mcuq_word *x;
    const mcuq_word *x_end;
    const int32_t *channels;
    int32_t groups;
    int8_t *y;
    int32_t stride;
    int32_t first;
    const int8_t *weights;
} mcuq_gemm_4x2_walk;

/* A walk over `wide` words of x: 56 bytes of code are left out for each 8 bytes that it is short of whole loops. */
static inline void mcuq_gemm_4x2_begin(mcuq_gemm_4x2_walk *walk, const mcuq_word *x, int32_t wide)
{
    walk->x = x;
    walk->x_end = &x[wide];
    walk->first = 4 * (wide & 15);
    walk->entry = 28 * (-wide & 15);
}

#if MCUQ_HAS_DSP

/* Two codes of x of each pixel from r2 and r3 (weights), r12 and lr (x). */
#define MCUQ_GEMM_4X2_PRODUCTS                                                                             \
    "smlad r5, r2, r12, r5\n smlad r9, r2, lr, r9\n smlad r7, r3, r12, r7\n smlad r11, r3, lr, r11\n"      \
    "sxtb16 r2, r2\n sxtb16 r3, r3\n"                                                                      \
    "smlad r4, r2, r12, r4\n smlad r8, r2, lr, r8\n smlad r6, r3, r12, r6\n smlad r10, r3, lr, r10\n"

/* The first of a loop moves both addresses on; then those \at bytes before them: 16 products in 15 cycles, 56 bytes. */
#define MCUQ_GEMM_4X2_FIRST                                                                                \
    "ldr r2, [r1], #64\n ldr r3, [r1, #-60]\n ldr r12, [r0], #64\n ldr lr, [r0, #-60]\n"           \
    MCUQ_GEMM_4X2_PRODUCTS
#define MCUQ_GEMM_4X2_STEP                                                                                 \
    "ldr r2, [r1, #-\\at]\n ldr r3, [r1, #4-\\at]\n"                                                   \
    "ldr r12, [r0, #-\\at]\n ldr lr, [r0, #4-\\at]\n" MCUQ_GEMM_4X2_PRODUCTS

/* Two channels' scaled sums to codes; r0 = their multipliers and addends. */
#define MCUQ_GEMM_4X2_SHORT(a, b, c, d)                                                                    \
    "ldm.w r0!, {r2, r3, r12, lr}\n"                                                                       \
    "smmlar " #a ", " #a ", r2, r3\n smmlar " #b ", " #b ", r2, r3\n"                                       \
    "smmlar " #c ", " #c ", r12, lr\n smmlar " #d ", " #d ", r12, lr\n"

/*
 * A channel's sums, doubled by `shift`, to codes; r0 = twice its bias, multiplier and offset. The last bit of the right
 * shift is ssat's.
 */
#define MCUQ_GEMM_4X2_LONG(a, b, shift)                                                                    \
    "ldm.w r0!, {r2, r3, r12}\n add.w " #a ", r2, " #a ", " shift "\n add.w " #b ", r2, " #b ", " shift "\n" \
    "rbit r2, r12\n clz r2, r2\n"                                                                          \
    "add.w lr, r12, " #a ", asr #31\n smmlar " #a ", " #a ", r3, lr\n"                                      \
    "add.w lr, r12, " #b ", asr #31\n smmlar " #b ", " #b ", r3, lr\n"                                      \
    "asr.w " #a ", " #a ", r2\n ssat " #a ", #8, " #a ", asr #1\n"                                         \
    "asr.w " #b ", " #b ", r2\n ssat " #b ", #8, " #b ", asr #1\n"

/*
 * y[pixel * stride + channel] = requantized sum, limited to int8. Where the channels are odd, for one group: the eight
 * sums to y, those of pixel 0 first.
 *
 * The stack holds, by offset: 0 where the unrolled loop is entered, 4 x behind the first walk, 8 x_end, 12 channels,
 * 16 the end of y, 20 y, 24 stride, 28 first. The sums of channels a to d are in r4 to r7 for pixel 0 and in r8 to r11
 * for pixel 1. It takes less than 1 KiB: it stays in an instruction cache of that size. Narrow instructions stand in
 * pairs, so that wide ones lie in words.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2(const mcuq_gemm_4x2_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_4x2_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #32\n ldm r0, {r1-r9}\n adr.w r10, 2f+1\n add r1, r1, r10\n"
        "add r2, r2, r8\n add r5, r6, r5, lsl #2\n stm sp, {r1-r8}\n mov r1, r9\n b.w 1f\n"
        ".p2align 2\n"
        "3:\n ldr.n r2, [sp, #20]\n nop.n\n stm.w r2, {r4-r11}\n b.w 6f\n"
        "4:\n cmp.n r2, #0\n bne.n 3b\n" MCUQ_GEMM_4X2_LONG(r4, r8, "lsl #1") MCUQ_GEMM_4X2_LONG(r5, r9, "asr #7")
        MCUQ_GEMM_4X2_LONG(r6, r10, "lsl #1") MCUQ_GEMM_4X2_LONG(r7, r11, "asr #7") "b.w 5f\n"
        "1:\n ldr.n r0, [sp, #4]\n ldr.n r2, [sp, #28]\n .irp sum, r4, r5, r6, r7\n movs.n \\sum, #0\n .endr\n"
        ".irp sum, r8, r9, r10, r11\n mov.w \\sum, #0\n .endr\n"
        "add.w r1, r1, r2\n ldr.w pc, [sp, #0]\n"
        "2:\n" MCUQ_GEMM_4X2_FIRST ".irp at, 56, 48, 40, 32, 24, 16, 8\n" MCUQ_GEMM_4X2_STEP ".endr\n"
        "ldr.n r2, [sp, #8]\n cmp.n r0, r2\n bne.w 2b\n"
        "ldr.n r0, [sp, #12]\n subs.n r5, r5, r4\n sub.w r9, r9, r8\n sub.w r11, r11, r10\n ldr r2, [r0], #4\n"
        "sub.w r7, r7, r6\n subs.w r3, r2, #8\n bmi.w 4b\n lsls.n r4, r2\n lsls.n r6, r2\n lsl.w r8, r8, r2\n"
        "lsl.w r10, r10, r2\n lsls.n r5, r3\n lsls.n r7, r3\n lsl.w r9, r9, r3\n lsl.w r11, r11, r3\n"
        MCUQ_GEMM_4X2_SHORT(r4, r8, r5, r9) MCUQ_GEMM_4X2_SHORT(r6, r10, r7, r11)
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11\n ssat \\sum, #8, \\sum, asr #17\n .endr\n"
        "5:\n str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #24]\n ldr.w r12, [sp, #16]\n"
        "add.w r3, r3, r2\n"
        "strb.w r8, [r3, #0]\n strb.w r9, [r3, #1]\n strb.w r10, [r3, #2]\n strb.w r11, [r3, #3]\n"
        "strb.n r4, [r2, #0]\n strb.n r5, [r2, #1]\n strb.n r6, [r2, #2]\n strb.n r7, [r2, #3]\n"
        "adds.n r2, #4\n str.n r2, [sp, #20]\n cmp.w r2, r12\n bne.w 1b\n"
        "6:\n add sp, sp, #32\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x2(const mcuq_gemm_4x2_walk *walk)
{
    const int32_t pixels = (walk->stride == 0) ? 1 : 2;
    const int32_t wide = (int32_t)(walk->x_end - walk->x);
    const int32_t *channels = walk->channels;
    for (int32_t pixel = 0; (pixel < pixels) && (channels[0] < 0); pixel++) {
        mcuq_gemm_paired_raw(&walk->x[pixel], &walk->x_end[pixel], 2, walk->weights, 8, &walk->y[16 * pixel]);
    }
    for (int32_t group = 0; (group < walk->groups) && (channels[0] >= 0); group++) {
        const int32_t *next = channels;
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            next = mcuq_gemm_paired_four(&walk->x[pixel], &walk->x_end[pixel], 2, &walk->weights[4 * wide * group], 8,
                                         channels, &walk->y[(pixel * walk->stride) + (4 * group)]);
        }
        channels = next;
    }
}

#endif

/* Four odd channels: their codes for the pixels that the walk holds, where it says. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_odd(const mcuq_gemm_4x2_walk *walk)
{
    const int32_t *const four = walk->channels;
    const int32_t pixels = (walk->stride == 0) ? 1 : 2;
    const int32_t wide = (int32_t)(walk->x_end - walk->x);
    int32_t sums[8];
    int32_t part[8];
    mcuq_gemm_4x2_walk one;
    one.channels = four;
    one.groups = 1;
    one.stride = walk->stride;
    for (int32_t k = 0; k < wide; k += four[1]) {
        const int32_t codes = ((wide - k) < four[1]) ? (wide - k) : four[1];
        mcuq_gemm_4x2_begin(&one, &walk->x[k], codes);
        one.weights = &walk->weights[4 * k];
        one.y = (int8_t *)(void *)((k == 0) ? sums : part);
        mcuq_gemm_4x2(&one);
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            if (k == 0) {
                mcuq_gemm_paired_split(&sums[4 * pixel]);
            } else {
                mcuq_gemm_paired_add(&sums[4 * pixel], &part[4 * pixel]);
            }
        }
    }
    for (int32_t pixel = 0; pixel < pixels; pixel++) {
        mcuq_gemm_paired_odd(four, &walk->x[pixel], 2, &sums[4 * pixel], &walk->y[pixel * walk->stride]);
    }
}

#endif
