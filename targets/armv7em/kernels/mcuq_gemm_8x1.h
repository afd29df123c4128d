/*
 * The product of one pixel with all output channels, 8 or 4 at a time, from weights of two channels in one halfword.
 */
#ifndef MCUQ_GEMM_8X1_H
#define MCUQ_GEMM_8X1_H

#include "mcuq_gemm_paired.h"

/*
 * entry: where the first walk through the unrolled loop begins, see mcuq_gemm_8x1_begin.
 * x: `wide` codes in pairs, a multiple of 4. Its end is x_end.
 * channels: nine or thirteen words per four channels, see mcuq_gemm_paired.h. groups: how many eights, or fours, at
 * least 1. y: a code per channel.
 * first: bytes of x that the first walk through the loop takes where that is not a whole one.
 * weights: per two codes of x a word for each two channels of a group.
 */
typedef struct {
    int32_t entry;
    const mcuq_word *x;
    const mcuq_word *x_end;
    const int32_t *channels;
    int32_t groups;
    int8_t *y;
    int32_t first;
    const int8_t *weights;
} mcuq_gemm_8x1_walk;

/* A walk over `wide` codes of x: `four` bytes of code are left out for each four that it is short of whole loops. */
static inline void mcuq_gemm_8x1_begin(mcuq_gemm_8x1_walk *walk, const mcuq_word *x, int32_t wide, int32_t four)
{
    walk->x = x;
    walk->x_end = &x[wide / 2];
    walk->first = 2 * (wide & 15);
    walk->entry = four * ((-wide & 15) / 4);
}

/* Bytes of code for four codes of x: with eights and with fours of channels. */
#define MCUQ_GEMM_8X1_EIGHTS 136
#define MCUQ_GEMM_8X1_FOURS 72

#if MCUQ_HAS_DSP

/* The word w of the weights with the word x: T in b, A in a. */
#define MCUQ_GEMM_8X1_PAIR(a, b, w, x)                                                                     \
    "smlad " #b ", " #w ", " #x ", " #b "\n sxtb16 " #w ", " #w "\n smlad " #a ", " #w ", " #x ", " #a "\n"
#define MCUQ_GEMM_8X1_LOAD(to, base, at) "ldr " #to ", [" #base ", #" at "]\n"

/*
 * Four codes of x and 8 channels, \at bytes of x before those that the loop has moved on to: 32 products in 37 cycles
 * and 136 bytes. The first of a loop begins with loads that move on.
 */
#define MCUQ_GEMM_8X1_FIRST                                                                                \
    "ldr r2, [r1], #128\n" MCUQ_GEMM_8X1_LOAD(r3, r1, "4-128") MCUQ_GEMM_8X1_LOAD(r12, r1, "8-128")       \
    "ldr lr, [r0], #32\n"
#define MCUQ_GEMM_8X1_NEXT                                                                                 \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "-4*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "4-4*\\at")                           \
    MCUQ_GEMM_8X1_LOAD(r12, r1, "8-4*\\at") MCUQ_GEMM_8X1_LOAD(lr, r0, "-\\at")
#define MCUQ_GEMM_8X1_FOUR                                                                                 \
    MCUQ_GEMM_8X1_PAIR(r4, r5, r2, lr) MCUQ_GEMM_8X1_PAIR(r6, r7, r3, lr)                                  \
    MCUQ_GEMM_8X1_PAIR(r8, r9, r12, lr)                                                                    \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "12-4*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "16-4*\\at")                        \
    MCUQ_GEMM_8X1_LOAD(r12, r0, "4-\\at")                                                                  \
    MCUQ_GEMM_8X1_PAIR(r10, r11, r2, lr) MCUQ_GEMM_8X1_PAIR(r4, r5, r3, r12)                               \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "20-4*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "24-4*\\at")                        \
    MCUQ_GEMM_8X1_LOAD(lr, r1, "28-4*\\at")                                                                \
    MCUQ_GEMM_8X1_PAIR(r6, r7, r2, r12) MCUQ_GEMM_8X1_PAIR(r8, r9, r3, r12)                                \
    MCUQ_GEMM_8X1_PAIR(r10, r11, lr, r12)

/* The same for 4 channels: 16 products in 20 cycles and 72 bytes. */
#define MCUQ_GEMM_4X1_FIRST                                                                                \
    "ldr r2, [r1], #64\n" MCUQ_GEMM_8X1_LOAD(r3, r1, "4-64") "ldr r12, [r0], #32\n"
#define MCUQ_GEMM_4X1_NEXT                                                                                 \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "-2*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "4-2*\\at")                           \
    MCUQ_GEMM_8X1_LOAD(r12, r0, "-\\at")
#define MCUQ_GEMM_4X1_FOUR                                                                                 \
    MCUQ_GEMM_8X1_PAIR(r4, r5, r2, r12) MCUQ_GEMM_8X1_PAIR(r6, r7, r3, r12)                                \
    MCUQ_GEMM_8X1_LOAD(r2, r1, "8-2*\\at") MCUQ_GEMM_8X1_LOAD(r3, r1, "12-2*\\at")                         \
    MCUQ_GEMM_8X1_LOAD(r12, r0, "4-\\at")                                                                  \
    MCUQ_GEMM_8X1_PAIR(r4, r5, r2, r12) MCUQ_GEMM_8X1_PAIR(r6, r7, r3, r12)

/*
 * The sums a to d of four channels to codes in r4 to r7; r0 = scale, multipliers and addends. Where the scale is 0 it
 * goes to `other`.
 */
#define MCUQ_GEMM_8X1_SHORT(a, b, c, d, other)                                                             \
    "ldr r2, [r0], #4\n subs " #b ", " #b ", " #a "\n subs " #d ", " #d ", " #c "\n"                       \
    "subs.w r3, r2, #8\n bmi.w " #other "\n lsls " #a ", " #a ", r2\n lsls " #c ", " #c ", r2\n"             \
    "lsls " #b ", " #b ", r3\n lsls " #d ", " #d ", r3\n"                                                  \
    "ldm.w r0!, {r2, r3, r12, lr}\n"                                                                       \
    "smmlar " #a ", " #a ", r2, r3\n smmlar " #b ", " #b ", r12, lr\n"                                      \
    "ldm.w r0!, {r2, r3, r12, lr}\n"                                                                       \
    "smmlar " #c ", " #c ", r2, r3\n smmlar " #d ", " #d ", r12, lr\n"                                      \
    "ssat r4, #8, " #a ", asr #17\n ssat r5, #8, " #b ", asr #17\n"                                         \
    "ssat r6, #8, " #c ", asr #17\n ssat r7, #8, " #d ", asr #17\n"

/*
 * A sum, doubled by `shift`, to a code; r0 = twice the channel's bias, its multiplier and offset. The last bit of the
 * right shift is ssat's. lr, where it goes on behind the four, stays.
 */
#define MCUQ_GEMM_8X1_CODE(a, shift)                                                                       \
    "ldm.w r0!, {r2, r3, r12}\n add.w " #a ", r2, " #a ", " shift "\n rbit r2, r12\n clz r2, r2\n"           \
    "add.w r12, r12, " #a ", asr #31\n smmlar " #a ", " #a ", r3, r12\n"                                    \
    "asr.w " #a ", " #a ", r2\n ssat " #a ", #8, " #a ", asr #1\n"
#define MCUQ_GEMM_8X1_LONG                                                                                 \
    MCUQ_GEMM_8X1_CODE(r4, "lsl #1") MCUQ_GEMM_8X1_CODE(r5, "asr #7")                                      \
    MCUQ_GEMM_8X1_CODE(r6, "lsl #1") MCUQ_GEMM_8X1_CODE(r7, "asr #7")

/*
 * The stack holds, by offset: 0 where the unrolled loop is entered, 4 x behind the first walk, 8 x_end, 12 channels,
 * 16 the end of y, 20 y, 24 first in weights (2^`weights` times that of x). r0 = walk.
 */
#define MCUQ_GEMM_8X1_ENTER(weights)                                                                       \
    "push {r4-r11, lr}\n sub sp, sp, #28\n ldm r0, {r1-r8}\n adr.w r9, 2f+1\n add r1, r1, r9\n"  \
    "add r2, r2, r7\n add r5, r6, r5, lsl #" #weights "+1\n lsl r7, r7, #" #weights "\n"                    \
    "stm sp, {r1-r7}\n mov r1, r8\n b.n 1f\n .p2align 2\n"
#define MCUQ_GEMM_8X1_CLEAR(sums) ".irp sum, " sums "\n movs \\sum, #0\n .endr\n"
/* The second load is wide, so that the loop begins at a word: at odd halfwords a walk takes two cycles more. */
#define MCUQ_GEMM_8X1_LOOP                                                                                 \
    "ldr.n r2, [sp, #24]\n ldr.w r0, [sp, #4]\n cbz.n r2, 2f\n add.w r1, r1, r2\n ldr.w pc, [sp, #0]\n 2:\n"
#define MCUQ_GEMM_8X1_AGAIN "ldr.n r2, [sp, #8]\n cmp.n r0, r2\n bne.w 2b\n ldr.w r0, [sp, #12]\n"

/* y[channel] = requantized sum, limited to int8, for groups of 8. It takes less than 1 KiB. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1(const mcuq_gemm_8x1_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_8x1_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_GEMM_8X1_ENTER(2)
        "4:\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n adr.w lr, 6f+1\n b.n 7f\n"
        "3:\n adr.w lr, 5f+1\n"
        "7:\n" MCUQ_GEMM_8X1_LONG "bx lr\n"
        "1:\n" MCUQ_GEMM_8X1_CLEAR("r4, r5, r6, r7, r8, r9, r10, r11")
        MCUQ_GEMM_8X1_LOOP ".irp at, 32\n" MCUQ_GEMM_8X1_FIRST MCUQ_GEMM_8X1_FOUR ".endr\n .irp at, 24, 16, 8\n"
        MCUQ_GEMM_8X1_NEXT MCUQ_GEMM_8X1_FOUR ".endr\n" MCUQ_GEMM_8X1_AGAIN
        MCUQ_GEMM_8X1_SHORT(r4, r5, r6, r7, 3b)
        "5:\n ldr.w r3, [sp, #20]\n"
        "strb r4, [r3], #8\n strb r5, [r3, #1-8]\n strb r6, [r3, #2-8]\n strb r7, [r3, #3-8]\n str r3, [sp, #20]\n"
        MCUQ_GEMM_8X1_SHORT(r8, r9, r10, r11, 4b)
        "6:\n str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #16]\n"
        "strb r4, [r2, #4-8]\n strb r5, [r2, #5-8]\n strb r6, [r2, #6-8]\n strb r7, [r2, #7-8]\n"
        "cmp.n r2, r3\n bne.w 1b\n"
        "add sp, sp, #28\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* The same for groups of 4; where these are odd, for one: its four sums. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1_fours(const mcuq_gemm_8x1_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_8x1_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_GEMM_8X1_ENTER(1)
        "3:\n cmp.n r2, #0\n bne.n 4f\n" MCUQ_GEMM_8X1_LONG "b.w 5f\n"
        "4:\n ldr.n r2, [sp, #20]\n stm.n r2!, {r4-r7}\n b.w 6f\n"
        "1:\n" MCUQ_GEMM_8X1_CLEAR("r4, r5, r6, r7")
        MCUQ_GEMM_8X1_LOOP ".irp at, 32\n" MCUQ_GEMM_4X1_FIRST MCUQ_GEMM_4X1_FOUR ".endr\n .irp at, 24, 16, 8\n"
        MCUQ_GEMM_4X1_NEXT MCUQ_GEMM_4X1_FOUR ".endr\n" MCUQ_GEMM_8X1_AGAIN
        MCUQ_GEMM_8X1_SHORT(r4, r5, r6, r7, 3b)
        "5:\n str.w r0, [sp, #12]\n ldr.n r2, [sp, #20]\n ldr.n r3, [sp, #16]\n"
        "strb r4, [r2, #0]\n strb r5, [r2, #1]\n strb r6, [r2, #2]\n strb r7, [r2, #3]\n"
        "adds.n r2, #4\n str.n r2, [sp, #20]\n cmp.w r2, r3\n bne.w 1b\n"
        "6:\n add sp, sp, #28\n pop {r4-r11, lr}\n"
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
        channels = mcuq_gemm_paired_four(walk->x, walk->x_end, 1, four, 2 * count, channels, &walk->y[first]);
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
    if (walk->channels[0] < 0) {
        mcuq_gemm_paired_raw(walk->x, walk->x_end, 1, walk->weights, 8, walk->y);
    } else {
        mcuq_gemm_8x1_any(walk, 4);
    }
}

#endif

/* Four odd channels of `wide` codes of x; y: their codes. weights and channels: theirs. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1_odd(const mcuq_word *x, int32_t wide, const int8_t *weights,
                                                 const int32_t *channels, int8_t *y)
{
    int32_t sums[4];
    int32_t part[4];
    mcuq_gemm_8x1_walk walk;
    walk.channels = channels;
    walk.groups = 1;
    for (int32_t k = 0; k < wide; k += channels[1]) {
        const int32_t codes = ((wide - k) < channels[1]) ? (wide - k) : channels[1];
        mcuq_gemm_8x1_begin(&walk, &x[k / 2], codes, MCUQ_GEMM_8X1_FOURS);
        walk.weights = &weights[4 * k];
        walk.y = (int8_t *)(void *)((k == 0) ? sums : part);
        mcuq_gemm_8x1_fours(&walk);
        if (k == 0) {
            mcuq_gemm_paired_split(sums);
        } else {
            mcuq_gemm_paired_add(sums, part);
        }
    }
    mcuq_gemm_paired_odd(channels, x, 1, sums, y);
}

#endif
