/*
 * The product of 2 pixels whose codes are int16 with all output channels, 4 at a time, from weights of four bits.
 *
 * With (a + 8) + 16 b the sum is T = 16 B + A + 8 S modulo 2^32, with a + 8 it is A + 8 S. Both begin with -8 S: then
 * B = (T - A) / 16, exact while B, without its bias, lies in [-2^27, 2^27).
 */
#ifndef MCUQ_GEMM_4X2_S16_W4_H
#define MCUQ_GEMM_4X2_S16_W4_H

#include "mcuq_fours_s16.h"

/* Words of a pixel that the unrolled loop takes. */
#define MCUQ_GEMM_4X2_S16_W4_LOOP 9

/*
 * A walk over `words` words of each pixel, those of four pixels side by side: 60 bytes of code are left out for each
 * that it is short of whole loops. begin: -8 S of either pixel.
 */
static inline void mcuq_gemm_4x2_s16_w4_begin(mcuq_fours_s16_walk *walk, const mcuq_word *x, int32_t words)
{
    const int32_t first = words % MCUQ_GEMM_4X2_S16_W4_LOOP;
    walk->x = x;
    walk->x_end = &x[4 * words];
    walk->first = 4 * first;
    walk->entry = (first == 0) ? 0 : (60 * (MCUQ_GEMM_4X2_S16_W4_LOOP - first));
}

/* The walk goes on to pixels so many beside those that it is at. */
static inline void mcuq_gemm_4x2_s16_w4_move(mcuq_fours_s16_walk *walk, int32_t pixels)
{
    walk->x = &walk->x[pixels];
    walk->x_end = &walk->x_end[pixels];
}

/* -8 S of four pixels, of an even number of words of each. */
MCUQ_KERNEL void mcuq_gemm_4x2_s16_w4_starts(const mcuq_word *x, int32_t words, uint32_t starts[4])
{
    const uint32_t ones = 0x00010001U;
    const mcuq_word *const end = &x[4 * words];
    int32_t a = 0;
    int32_t b = 0;
    int32_t c = 0;
    int32_t d = 0;
    for (; x != end; x = &x[8]) {
        a = mcuq_smlad(x[4], ones, mcuq_smlad(x[0], ones, a));
        b = mcuq_smlad(x[5], ones, mcuq_smlad(x[1], ones, b));
        c = mcuq_smlad(x[6], ones, mcuq_smlad(x[2], ones, c));
        d = mcuq_smlad(x[7], ones, mcuq_smlad(x[3], ones, d));
    }
    starts[0] = 0U - (8U * (uint32_t)a);
    starts[1] = 0U - (8U * (uint32_t)b);
    starts[2] = 0U - (8U * (uint32_t)c);
    starts[3] = 0U - (8U * (uint32_t)d);
}

#if MCUQ_HAS_DSP

/* A word of x of each pixel in r12 and lr, weights in r2: 16 products in 16 cycles, 60 bytes with three loads. */
#define MCUQ_GEMM_4X2_S16_W4_PRODUCTS                                                                       \
    MCUQ_FOURS_S16_BOTH(r3, r2, "") "smlad r5, r3, r12, r5\n smlad r9, r3, lr, r9\n"                         \
    MCUQ_FOURS_S16_FIRST(r3) "smlad r4, r3, r12, r4\n smlad r8, r3, lr, r8\n"                                \
    MCUQ_FOURS_S16_BOTH(r3, r2, ", ror #8") "smlad r7, r3, r12, r7\n smlad r11, r3, lr, r11\n"               \
    MCUQ_FOURS_S16_FIRST(r3) "smlad r6, r3, r12, r6\n smlad r10, r3, lr, r10\n"

/* The first of a loop moves both addresses on; then the word of weights \at bytes before those. */
#define MCUQ_GEMM_4X2_S16_W4_BEGIN                                                                          \
    "ldr r2, [r1], #36\n ldr r12, [r0], #144\n ldr lr, [r0, #4-144]\n" MCUQ_GEMM_4X2_S16_W4_PRODUCTS
#define MCUQ_GEMM_4X2_S16_W4_STEP                                                                           \
    "ldr r2, [r1, #-\\at]\n ldr r12, [r0, #-4*\\at]\n ldr lr, [r0, #4-4*\\at]\n" MCUQ_GEMM_4X2_S16_W4_PRODUCTS

/*
 * The sums of a channel of both pixels, or 16 times these, to codes that are not limited yet, see mcuq_halves_raw;
 * doubled: what makes twice the sum of it.
 */
#define MCUQ_GEMM_4X2_S16_W4_CODES(a, b, doubled)                                                           \
    "ldm r0!, {r2, r3, r12, lr}\n add " #a ", r2, " #a ", " doubled "\n add " #b ", r2, " #b ", " doubled "\n" \
    "add r2, lr, " #a ", asr #31\n smmlar " #a ", " #a ", r3, r2\n add r2, lr, " #b ", asr #31\n"              \
    "smmlar " #b ", " #b ", r3, r2\n asr " #a ", " #a ", r12\n asr " #b ", " #b ", r12\n"

/*
 * All groups; the stack is as MCUQ_FOURS_S16_ENTER says, the sums of pixel 0 in r4 to r7, those of pixel 1 in r8 to
 * r11. Where the stride is 0, codes of pixel 0 take the place of those of pixel 1. It takes less than 1 KiB.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_s16_w4(const mcuq_fours_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_fours_s16_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_FOURS_S16_ENTER("lsl #2") "b.w 1f\n"
        "5:\n asr r5, r5, #4\n asr r7, r7, #4\n asr r9, r9, #4\n asr r11, r11, #4\n ldr r2, [sp, #24]\n"
        "stm r2, {r4-r11}\n b.w 6f\n"
        "4:\n .irp sum, r4, r5, r6, r7, r8, r9, r10, r11\n usat \\sum, #15, \\sum\n .endr\n b.w 3f\n"
        "1:\n ldr r0, [sp, #4]\n ldr r2, [sp, #12]\n ldrd r4, r8, [sp, #36]\n mov r5, r4\n mov r6, r4\n mov r7, r4\n"
        "mov r9, r8\n mov r10, r8\n mov r11, r8\n add r1, r1, r2\n ldr.w pc, [sp, #0]\n"
        ".p2align 2\n"
        "2:\n" MCUQ_GEMM_4X2_S16_W4_BEGIN ".irp at, 32, 28, 24, 20, 16, 12, 8, 4\n" MCUQ_GEMM_4X2_S16_W4_STEP
        ".endr\n ldr r2, [sp, #8]\n cmp r0, r2\n bne.w 2b\n"
        "sub r5, r5, r4\n sub r9, r9, r8\n sub r7, r7, r6\n sub r11, r11, r10\n"
        "ldr r2, [sp, #32]\n ldr r0, [sp, #16]\n cmp r2, #1\n bhi.w 5b\n"
        MCUQ_GEMM_4X2_S16_W4_CODES(r4, r8, "lsl #1") MCUQ_GEMM_4X2_S16_W4_CODES(r5, r9, "asr #3")
        MCUQ_GEMM_4X2_S16_W4_CODES(r6, r10, "lsl #1") MCUQ_GEMM_4X2_S16_W4_CODES(r7, r11, "asr #3")
        "str r0, [sp, #16]\n ldr r2, [sp, #32]\n cmp r2, #1\n beq.w 4b\n"
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11\n ssat \\sum, #16, \\sum\n .endr\n"
        "3:\n ldr r3, [sp, #24]\n ldr r2, [sp, #28]\n add r2, r2, r3\n"
        "strh r8, [r2, #0]\n strh r9, [r2, #2]\n strh r10, [r2, #4]\n strh r11, [r2, #6]\n"
        "strh r4, [r3, #0]\n strh r5, [r3, #2]\n strh r6, [r3, #4]\n strh r7, [r3, #6]\n"
        "add r3, r3, #8\n str r3, [sp, #24]\n"
        MCUQ_FOURS_S16_LEAVE
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x2_s16_w4(const mcuq_fours_s16_walk *walk)
{
    for (int32_t i = 0; i < (2 * walk->groups); i++) {
        int32_t sums[4];
        if (((i % 2) == 0) || (walk->stride != 0)) {
            mcuq_fours_s16_sums(walk, i / 2, i % 2, 4, sums);
            mcuq_fours_s16_end(walk, i / 2, i % 2, sums);
        }
    }
}

#endif

#endif
