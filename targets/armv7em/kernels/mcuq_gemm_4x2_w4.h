/*
 * The product of 2 pixels with all output channels, 4 at a time, from weights of four bits.
 */
#ifndef MCUQ_GEMM_4X2_W4_H
#define MCUQ_GEMM_4X2_W4_H

#include "mcuq_gemm_4x2.h"
#include "mcuq_gemm_w4.h"

/*
 * As mcuq_gemm_4x2_walk, but: entry: 60 bytes of code for 8 of x. weights: half a byte per channel and code of x.
 * begin: of each pixel, see mcuq_gemm_w4_begin.
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
    int32_t begin[2];
} mcuq_gemm_4x2_w4_walk;

/* A walk over `wide` words of x: 60 bytes of code are left out for each 8 bytes that it is short of whole loops. */
static inline void mcuq_gemm_4x2_w4_start(mcuq_gemm_4x2_w4_walk *walk, const mcuq_word *x, int32_t wide)
{
    walk->x = x;
    walk->x_end = &x[wide];
    walk->first = 4 * (wide & 15);
    walk->entry = 30 * (-wide & 15);
}

#if MCUQ_HAS_DSP

/* Two codes of x of each pixel in r12 and lr, weights in r2: 16 products in 16 cycles, 60 bytes with three loads. */
#define MCUQ_GEMM_4X2_W4_PRODUCTS                                                                          \
    MCUQ_GEMM_W4_FIRST(r3, r2) "smlad r5, r3, r12, r5\n smlad r9, r3, lr, r9\n"                            \
    MCUQ_GEMM_W4_SECOND(r3, r2) "smlad r4, r3, r12, r4\n smlad r8, r3, lr, r8\n"                           \
    MCUQ_GEMM_W4_THIRD(r3, r2) "smlad r7, r3, r12, r7\n smlad r11, r3, lr, r11\n"                          \
    MCUQ_GEMM_W4_LAST(r2) "smlad r6, r2, r12, r6\n smlad r10, r2, lr, r10\n"

/* The first of a loop moves both addresses on; then those \at bytes before that of x. */
#define MCUQ_GEMM_4X2_W4_FIRST                                                                             \
    "ldr r2, [r1], #32\n ldr r12, [r0], #64\n ldr lr, [r0, #-60]\n" MCUQ_GEMM_4X2_W4_PRODUCTS
#define MCUQ_GEMM_4X2_W4_STEP                                                                              \
    "ldr r2, [r1, #-\\at/2]\n ldr r12, [r0, #-\\at]\n ldr lr, [r0, #4-\\at]\n" MCUQ_GEMM_4X2_W4_PRODUCTS

/*
 * y[pixel * stride + channel] = requantized sum, limited to int8. Where the channels are odd, for one group: the eight
 * sums to y, those of pixel 0 first: A, 16 B, 256 C, 16 D.
 *
 * The stack holds, by offset: 0 where the unrolled loop is entered, 4 x behind the first walk, 8 x_end, 12 channels,
 * 16 the end of y, 20 y, 24 stride, 28 first, 32 begin. The sums of channels a to d are in r4 to r7 for pixel 0 and in
 * r8 to r11 for pixel 1. It takes less than 1 KiB.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_w4(const mcuq_gemm_4x2_w4_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_4x2_w4_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #40\n ldm r0, {r1-r9}\n ldrd r10, r11, [r0, #36]\n adr.w r12, 2f+1\n"
        "add r1, r1, r12\n add r2, r2, r8\n add r5, r6, r5, lsl #2\n stm sp, {r1-r8}\n strd r10, r11, [sp, #32]\n"
        "mov r1, r9\n b.w 1f\n"
        ".p2align 2\n"
        "3:\n ldr.n r2, [sp, #20]\n nop.n\n stm.w r2, {r4-r11}\n b.w 6f\n"
        "4:\n cmp.n r2, #0\n bne.n 3b\n" MCUQ_GEMM_4X2_LONG(r4, r8, "lsl #1") MCUQ_GEMM_4X2_LONG(r5, r9, "asr #3")
        MCUQ_GEMM_4X2_LONG(r6, r10, "asr #7") MCUQ_GEMM_4X2_LONG(r7, r11, "asr #3") "b.w 5f\n"
        "1:\n ldr.n r0, [sp, #4]\n ldr.n r2, [sp, #28]\n ldrd r4, r8, [sp, #32]\n"
        "add.w r5, r4, r4, lsl #4\n add.w r9, r8, r8, lsl #4\n lsl.w r6, r4, #8\n lsl.w r10, r8, #8\n"
        "mov.n r7, r4\n mov.n r11, r8\n add.w r1, r1, r2, lsr #1\n ldr.w pc, [sp, #0]\n"
        ".p2align 2\n"
        "2:\n" MCUQ_GEMM_4X2_W4_FIRST ".irp at, 56, 48, 40, 32, 24, 16, 8\n" MCUQ_GEMM_4X2_W4_STEP ".endr\n"
        "ldr.n r2, [sp, #8]\n cmp.n r0, r2\n bne.w 2b\n"
        "ldr.n r0, [sp, #12]\n subs.n r5, r5, r4\n sub.w r9, r9, r8\n sub.w r7, r7, r6, asr #8\n"
        "sub.w r11, r11, r10, asr #8\n ldr r2, [r0], #4\n subs.w r3, r2, #8\n bmi.w 4b\n sub.w lr, r2, #4\n"
        "lsl.w r4, r4, r2\n lsl.w r8, r8, r2\n lsl.w r5, r5, lr\n lsl.w r9, r9, lr\n lsl.w r6, r6, r3\n"
        "lsl.w r10, r10, r3\n lsl.w r7, r7, lr\n lsl.w r11, r11, lr\n"
        MCUQ_GEMM_4X2_SHORT(r4, r8, r5, r9) MCUQ_GEMM_4X2_SHORT(r6, r10, r7, r11)
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11\n ssat \\sum, #8, \\sum, asr #17\n .endr\n"
        "5:\n str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #24]\n ldr.w r12, [sp, #16]\n"
        "add.w r3, r3, r2\n"
        "strb.w r8, [r3, #0]\n strb.w r9, [r3, #1]\n strb.w r10, [r3, #2]\n strb.w r11, [r3, #3]\n"
        "strb.n r4, [r2, #0]\n strb.n r5, [r2, #1]\n strb.n r6, [r2, #2]\n strb.n r7, [r2, #3]\n"
        "adds.n r2, #4\n str.n r2, [sp, #20]\n cmp.w r2, r12\n bne.w 1b\n"
        "6:\n add sp, sp, #40\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x2_w4(const mcuq_gemm_4x2_w4_walk *walk)
{
    const int32_t pixels = (walk->stride == 0) ? 1 : 2;
    const int32_t wide = (int32_t)(walk->x_end - walk->x);
    const int32_t *channels = walk->channels;
    for (int32_t group = 0; group < walk->groups; group++) {
        const int32_t *next = channels;
        for (int32_t pixel = 0; pixel < pixels; pixel++) {
            int32_t sums[4];
            mcuq_gemm_w4_sums(&walk->x[pixel], &walk->x_end[pixel], 2, &walk->weights[2 * wide * group], 4, sums);
            if (channels[0] < 0) {
                mcuq_gemm_w4_raw(sums);
                (void)memcpy(&walk->y[16 * pixel], sums, sizeof sums);
            } else {
                next = mcuq_gemm_w4_four(sums, channels, &walk->y[(pixel * walk->stride) + (4 * group)]);
            }
        }
        channels = next;
    }
}

#endif

/* Four odd channels: their codes for the pixels that the walk holds, where it says. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_w4_odd(const mcuq_gemm_4x2_w4_walk *walk)
{
    const int32_t pixels = (walk->stride == 0) ? 1 : 2;
    int32_t sums[8];
    mcuq_gemm_4x2_w4_walk one = *walk;
    one.y = (int8_t *)(void *)sums;
    one.groups = 1;
    mcuq_gemm_4x2_w4(&one);
    for (int32_t pixel = 0; pixel < pixels; pixel++) {
        mcuq_gemm_w4_split(&sums[4 * pixel]);
        (void)mcuq_gemm_w4_four(&sums[4 * pixel], walk->channels, &walk->y[pixel * walk->stride]);
    }
}

#endif
