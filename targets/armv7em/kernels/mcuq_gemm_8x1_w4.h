/*
 * The product of one pixel with output channels, 8 at a time, from weights of four bits.
 */
#ifndef MCUQ_GEMM_8X1_W4_H
#define MCUQ_GEMM_8X1_W4_H

#include "mcuq_gemm_w4.h"

/*
 * entry: where the first walk through the unrolled loop begins, see mcuq_gemm_8x1_w4_start.
 * x: `wide` codes in pairs, a multiple of 4. Its end is x_end.
 * channels: the words of eights whose fours are all of the short form, see mcuq_gemm_paired.h; NULL: one eight, and y
 * is its sums A, 16 B, 256 C, 16 D of each four.
 * groups: how many eights. y: a code per channel.
 * first: bytes of x that the first walk through the loop takes where that is not a whole one.
 * weights: per two codes of x a word for each four channels of an eight, see mcuq_gemm_w4.h. begin: as there.
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
    int32_t begin;
} mcuq_gemm_8x1_w4_walk;

/* A walk over `wide` codes of x: 76 bytes of code are left out for each two that it is short of whole loops. */
static inline void mcuq_gemm_8x1_w4_start(mcuq_gemm_8x1_w4_walk *walk, const mcuq_word *x, int32_t wide)
{
    walk->x = x;
    walk->x_end = &x[wide / 2];
    walk->first = 2 * (wide & 15);
    walk->entry = 38 * (-wide & 15);
    walk->begin = mcuq_gemm_w4_begin(x, wide / 2, 1);
}

#if MCUQ_HAS_DSP

/* Two codes of x in r12, weights of eight channels in r2 and lr: 16 products in 20 cycles and 76 bytes. */
#define MCUQ_GEMM_8X1_W4_FOUR(w, a, b, c, d)                                                               \
    MCUQ_GEMM_W4_FIRST(r3, w) "smlad " #b ", r3, r12, " #b "\n"                                            \
    MCUQ_GEMM_W4_SECOND(r3, w) "smlad " #a ", r3, r12, " #a "\n"                                           \
    MCUQ_GEMM_W4_THIRD(r3, w) "smlad " #d ", r3, r12, " #d "\n"                                            \
    MCUQ_GEMM_W4_LAST(w) "smlad " #c ", " #w ", r12, " #c "\n"
#define MCUQ_GEMM_8X1_W4_PRODUCTS                                                                          \
    MCUQ_GEMM_8X1_W4_FOUR(r2, r4, r5, r6, r7) MCUQ_GEMM_8X1_W4_FOUR(lr, r8, r9, r10, r11)

/* The first of a loop moves both addresses on; then those \at bytes before that of x. */
#define MCUQ_GEMM_8X1_W4_BEGIN                                                                             \
    "ldr r2, [r1], #64\n ldr lr, [r1, #-60]\n ldr r12, [r0], #32\n" MCUQ_GEMM_8X1_W4_PRODUCTS
#define MCUQ_GEMM_8X1_W4_STEP                                                                              \
    "ldr r2, [r1, #-2*\\at]\n ldr lr, [r1, #4-2*\\at]\n ldr r12, [r0, #-\\at]\n" MCUQ_GEMM_8X1_W4_PRODUCTS

/* The sums A, 16 B, 256 C, 16 D of four channels to codes; r0 = scale, multipliers and addends. */
#define MCUQ_GEMM_8X1_W4_SHORT(a, b, c, d)                                                                 \
    "ldr r2, [r0], #4\n sub.w r3, r2, #8\n sub.w lr, r2, #4\n"                                             \
    "lsl.w " #a ", " #a ", r2\n lsl.w " #b ", " #b ", lr\n lsl.w " #c ", " #c ", r3\n"                     \
    "lsl.w " #d ", " #d ", lr\n"                                                                           \
    "ldm.w r0!, {r2, r3, r12, lr}\n"                                                                       \
    "smmlar " #a ", " #a ", r2, r3\n smmlar " #b ", " #b ", r12, lr\n"                                     \
    "ldm.w r0!, {r2, r3, r12, lr}\n"                                                                       \
    "smmlar " #c ", " #c ", r2, r3\n smmlar " #d ", " #d ", r12, lr\n"                                     \
    "ssat " #a ", #8, " #a ", asr #17\n ssat " #b ", #8, " #b ", asr #17\n"                                \
    "ssat " #c ", #8, " #c ", asr #17\n ssat " #d ", #8, " #d ", asr #17\n"

/*
 * y[channel] = requantized sum, limited to int8, or the sums of eight channels.
 *
 * The stack holds, by offset: 0 where the unrolled loop is entered, 4 x behind the first walk, 8 x_end, 12 channels,
 * 16 the end of y, 20 y, 24 first, 28 begin. The sums are in r4 to r11. It takes less than 1 KiB.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1_w4(const mcuq_gemm_8x1_w4_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_8x1_w4_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #36\n ldm r0, {r1-r9}\n adr.w r10, 2f+1\n add r1, r1, r10\n"
        "add r2, r2, r7\n add r5, r6, r5, lsl #3\n stm sp, {r1-r7}\n str r9, [sp, #28]\n mov r1, r8\n b.w 1f\n"
        ".p2align 2\n"
        "3:\n ldr.w r2, [sp, #20]\n stm.w r2, {r4-r11}\n b.w 6f\n"
        "1:\n ldr.w r0, [sp, #4]\n ldr.w r2, [sp, #24]\n ldr.w r4, [sp, #28]\n add.w r1, r1, r2, lsl #1\n"
        "add.w r5, r4, r4, lsl #4\n lsl.w r6, r4, #8\n mov.w r7, r4\n mov.w r8, r4\n mov.w r9, r5\n"
        "mov.w r10, r6\n mov.w r11, r4\n ldr.w pc, [sp, #0]\n"
        "2:\n" MCUQ_GEMM_8X1_W4_BEGIN ".irp at, 28, 24, 20, 16, 12, 8, 4\n" MCUQ_GEMM_8X1_W4_STEP ".endr\n"
        "ldr.n r2, [sp, #8]\n cmp.n r0, r2\n bne.w 2b\n"
        "ldr.w r0, [sp, #12]\n sub.w r5, r5, r4\n sub.w r7, r7, r6, asr #8\n sub.w r9, r9, r8\n"
        "sub.w r11, r11, r10, asr #8\n cmp.w r0, #0\n beq.w 3b\n"
        MCUQ_GEMM_8X1_W4_SHORT(r4, r5, r6, r7) MCUQ_GEMM_8X1_W4_SHORT(r8, r9, r10, r11)
        "str.w r0, [sp, #12]\n ldr.w r3, [sp, #20]\n ldr.w r2, [sp, #16]\n"
        "strb r4, [r3], #8\n strb r5, [r3, #1-8]\n strb r6, [r3, #2-8]\n strb r7, [r3, #3-8]\n"
        "strb r8, [r3, #4-8]\n strb r9, [r3, #5-8]\n strb r10, [r3, #6-8]\n strb r11, [r3, #7-8]\n"
        "str.w r3, [sp, #20]\n cmp.w r3, r2\n bne.w 1b\n"
        "6:\n add sp, sp, #36\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_8x1_w4(const mcuq_gemm_8x1_w4_walk *walk)
{
    const int32_t *channels = walk->channels;
    const int32_t words = (int32_t)(walk->x_end - walk->x);
    for (int32_t first = 0; first < (8 * walk->groups); first += 4) {
        const int8_t *const four = &walk->weights[((first / 8) * 8 * words) + (first % 8)];
        int32_t sums[4];
        mcuq_gemm_w4_sums(walk->x, walk->x_end, 1, four, 8, sums);
        if (channels == NULL) {
            mcuq_gemm_w4_raw(sums);
            (void)memcpy(&walk->y[4 * first], sums, sizeof sums);
        } else {
            channels = mcuq_gemm_w4_four(sums, channels, &walk->y[first]);
        }
    }
}

#endif

/* Eight channels of any form, whose words are four[0]; then it is those of the next. y: their codes. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_8x1_w4_any(const mcuq_gemm_8x1_w4_walk *walk, const int32_t **four, int8_t *y)
{
    int32_t sums[8];
    mcuq_gemm_8x1_w4_walk one = *walk;
    one.channels = NULL;
    one.groups = 1;
    one.y = (int8_t *)(void *)sums;
    mcuq_gemm_8x1_w4(&one);
    for (int32_t i = 0; i < 8; i += 4) {
        mcuq_gemm_w4_split(&sums[i]);
        *four = mcuq_gemm_w4_four(&sums[i], *four, &y[i]);
    }
}

/* How many of the next `most` eights have short forms alone; the words behind them to next. */
static inline int32_t mcuq_gemm_8x1_w4_run(const int32_t *channels, int32_t most, const int32_t **next)
{
    int32_t run = 0;
    for (; (run < most) && (channels[0] > 0) && (channels[9] > 0); run++) {
        channels = &channels[18];
    }
    *next = channels;
    return run;
}

#endif
