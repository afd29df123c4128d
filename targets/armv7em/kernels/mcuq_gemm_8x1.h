/*
 * The product of one pixel with all output channels, 8 or 4 at a time, from weights of two channels in one halfword.
 */
#ifndef MCUQ_GEMM_8X1_H
#define MCUQ_GEMM_8X1_H

#include "mcuq_gemm_paired.h"

/*
 * x: `wide` codes in pairs, a multiple of 4. Its end is x_end.
 * channels: twelve words per four channels, see mcuq_gemm_paired.h. groups: how many eights, or fours, at least 1.
 * weights: per two codes of x a word for each two channels of a group. y: a code per channel.
 * adjust: bytes of x that the first walk through the unrolled loop leaves out, 2 * (-wide % 16).
 */
typedef struct {
    const mcuq_word *x;
    const mcuq_word *x_end;
    const int32_t *channels;
    int32_t groups;
    int8_t *y;
    int32_t adjust;
    const int8_t *weights;
} mcuq_gemm_8x1_walk;

#if MCUQ_HAS_DSP

/* The word w of the weights with the word x: T in b, A in a. */
#define MCUQ_GEMM_8X1_PAIR(a, b, w, x)                                                                     \
    "smlad " #b ", " #w ", " #x ", " #b "\n sxtb16 " #w ", " #w "\n smlad " #a ", " #w ", " #x ", " #a "\n"
#define MCUQ_GEMM_8X1_LOAD(to, base, at) "ldr.w " #to ", [" #base ", #" at "]\n"

/* Four codes of x, \at bytes on, and 8 channels: 32 products in 37 cycles and 136 bytes. */
#define MCUQ_GEMM_8X1_FOUR                                                                                 \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "4*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "4*\\at + 4")                          \
    MCUQ_GEMM_8X1_LOAD(r12, r1, "4*\\at + 8") MCUQ_GEMM_8X1_LOAD(lr, r0, "\\at")                           \
    MCUQ_GEMM_8X1_PAIR(r4, r5, r2, lr) MCUQ_GEMM_8X1_PAIR(r6, r7, r3, lr)                                  \
    MCUQ_GEMM_8X1_PAIR(r8, r9, r12, lr)                                                                    \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "4*\\at + 12") MCUQ_GEMM_8X1_LOAD(r3, r1, "4*\\at + 16")                    \
    MCUQ_GEMM_8X1_LOAD(r12, r0, "\\at + 4")                                                                \
    MCUQ_GEMM_8X1_PAIR(r10, r11, r2, lr) MCUQ_GEMM_8X1_PAIR(r4, r5, r3, r12)                               \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "4*\\at + 20") MCUQ_GEMM_8X1_LOAD(r3, r1, "4*\\at + 24")                    \
    MCUQ_GEMM_8X1_LOAD(lr, r1, "4*\\at + 28")                                                              \
    MCUQ_GEMM_8X1_PAIR(r6, r7, r2, r12) MCUQ_GEMM_8X1_PAIR(r8, r9, r3, r12)                                \
    MCUQ_GEMM_8X1_PAIR(r10, r11, lr, r12)

/* Four codes of x, \at bytes on, and 4 channels: 16 products in 20 cycles and 72 bytes. */
#define MCUQ_GEMM_4X1_FOUR                                                                                 \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "2*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "2*\\at + 4")                          \
    MCUQ_GEMM_8X1_LOAD(r12, r0, "\\at")                                                                    \
    MCUQ_GEMM_8X1_PAIR(r4, r5, r2, r12) MCUQ_GEMM_8X1_PAIR(r6, r7, r3, r12)                                \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "2*\\at + 8") MCUQ_GEMM_8X1_LOAD(r3, r1, "2*\\at + 12")                     \
    MCUQ_GEMM_8X1_LOAD(r12, r0, "\\at + 4")                                                                \
    MCUQ_GEMM_8X1_PAIR(r4, r5, r2, r12) MCUQ_GEMM_8X1_PAIR(r6, r7, r3, r12)

/* The sums of two channels, doubled. */
#define MCUQ_GEMM_8X1_PART(a, b)                                                                           \
    "sub.w " #b ", " #b ", " #a "\n lsl.w " #a ", " #a ", #1\n asr.w " #b ", " #b ", #7\n"

/* A doubled sum to a code; r0 = its multiplier and offset. The last bit of the shift is ssat's. */
#define MCUQ_GEMM_8X1_CODE(a)                                                                              \
    "ldm.w r0!, {r2, r3}\n rbit r12, r3\n clz r12, r12\n add.w lr, r3, " #a ", asr #31\n"                      \
    "smmlar " #a ", " #a ", r2, lr\n asr " #a ", " #a ", r12\n ssat " #a ", #8, " #a ", asr #1\n"

/*
 * The stack holds, by offset: 0 where the unrolled loop is entered (`code` bytes for each 8 of x), 4 x, 8 x_end,
 * 12 channels, 16 groups, 20 y, 24 adjust in weights (`weights` times that of x). r0 = walk.
 */
#define MCUQ_GEMM_8X1_ENTER(code, weights)                                                                 \
    "push {r4-r11, lr}\n sub sp, sp, #28\n ldm r0, {r1-r7}\n adr r8, 2f\n mov r9, #" #code "\n"            \
    "lsr r10, r6, #3\n mla r8, r9, r10, r8\n orr r8, r8, #1\n str r8, [sp, #0]\n sub r1, r1, r6\n"         \
    "lsl r6, r6, #" #weights "\n add r8, sp, #4\n stm r8, {r1-r6}\n mov r1, r7\n"

/* Into the unrolled loop, of 16 codes of x; its end. */
#define MCUQ_GEMM_8X1_LOOP                                                                                 \
    "ldr.n r2, [sp, #24]\n ldr.n r0, [sp, #4]\n sub.w r1, r1, r2\n ldr.w pc, [sp, #0]\n"            \
    "2:\n .irp at, 0, 8, 16, 24\n"
#define MCUQ_GEMM_8X1_AGAIN(weights)                                                                       \
    ".endr\n ldr.n r2, [sp, #8]\n adds.n r0, r0, #32\n adds.n r1, r1, #" #weights "\n cmp.n r0, r2\n bne.w 2b\n"

/* y[channel] = requantized sum, limited to int8, for groups of 8. From 1 on it takes less than 1 KiB. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1(const mcuq_gemm_8x1_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_8x1_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_GEMM_8X1_ENTER(136, 2)
        ".p2align 2\n 1:\n ldr.w r0, [sp, #12]\n ldm.w r0, {r4-r7}\n add.w r0, r0, #48\n ldm.w r0, {r8-r11}\n"
        MCUQ_GEMM_8X1_LOOP MCUQ_GEMM_8X1_FOUR MCUQ_GEMM_8X1_AGAIN(128)
        "ldr.n r0, [sp, #12]\n adds.n r0, r0, #16\n"
        MCUQ_GEMM_8X1_PART(r4, r5) MCUQ_GEMM_8X1_PART(r6, r7) MCUQ_GEMM_8X1_PART(r8, r9)
        MCUQ_GEMM_8X1_PART(r10, r11) MCUQ_GEMM_8X1_CODE(r4) MCUQ_GEMM_8X1_CODE(r5)
        MCUQ_GEMM_8X1_CODE(r6) MCUQ_GEMM_8X1_CODE(r7) "add.w r0, r0, #16\n"
        MCUQ_GEMM_8X1_CODE(r8) MCUQ_GEMM_8X1_CODE(r9) MCUQ_GEMM_8X1_CODE(r10) MCUQ_GEMM_8X1_CODE(r11)
        "str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #16]\n"
        "strb r4, [r2, #0]\n strb r5, [r2, #1]\n strb r6, [r2, #2]\n strb r7, [r2, #3]\n"
        "strb r8, [r2, #4]\n strb r9, [r2, #5]\n strb r10, [r2, #6]\n strb r11, [r2, #7]\n"
        "add.w r2, r2, #8\n subs.w r3, r3, #1\n str r2, [sp, #20]\n str r3, [sp, #16]\n bne.w 1b\n"
        "add sp, sp, #28\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* The same for groups of 4. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1_fours(const mcuq_gemm_8x1_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_8x1_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_GEMM_8X1_ENTER(72, 1)
        ".p2align 2\n 1:\n ldr.w r0, [sp, #12]\n ldm.w r0, {r4-r7}\n"
        MCUQ_GEMM_8X1_LOOP MCUQ_GEMM_4X1_FOUR MCUQ_GEMM_8X1_AGAIN(64)
        "ldr.n r0, [sp, #12]\n adds.n r0, r0, #16\n"
        MCUQ_GEMM_8X1_PART(r4, r5) MCUQ_GEMM_8X1_PART(r6, r7) MCUQ_GEMM_8X1_CODE(r4) MCUQ_GEMM_8X1_CODE(r5)
        MCUQ_GEMM_8X1_CODE(r6) MCUQ_GEMM_8X1_CODE(r7)
        "str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #16]\n"
        "strb r4, [r2, #0]\n strb r5, [r2, #1]\n strb r6, [r2, #2]\n strb r7, [r2, #3]\n"
        "add.w r2, r2, #4\n subs.w r3, r3, #1\n str r2, [sp, #20]\n str r3, [sp, #16]\n bne.w 1b\n"
        "add sp, sp, #28\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

/* `count` channels per group: a word of weights per two channels and word of x. */
MCUQ_KERNEL void mcuq_gemm_8x1_any(const mcuq_gemm_8x1_walk *walk, int32_t count)
{
    const int8_t *w = walk->weights;
    const int32_t *channels = walk->channels;
    for (int32_t first = 0; first < (walk->groups * count); first += 4) {
        const int8_t *const four = &w[(first % count) * 2];
        mcuq_gemm_paired_four(walk->x, walk->x_end, 1, four, 2 * count, channels, &walk->y[first]);
        channels = &channels[12];
        if (((first + 4) % count) == 0) {
            w = &w[2 * count * (int32_t)(walk->x_end - walk->x)];
        }
    }
}

MCUQ_KERNEL void mcuq_gemm_8x1(const mcuq_gemm_8x1_walk *walk)
{
    mcuq_gemm_8x1_any(walk, 8);
}

MCUQ_KERNEL void mcuq_gemm_8x1_fours(const mcuq_gemm_8x1_walk *walk)
{
    mcuq_gemm_8x1_any(walk, 4);
}

#endif

#endif
