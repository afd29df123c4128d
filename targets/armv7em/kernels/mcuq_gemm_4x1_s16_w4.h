/*
 * The product of one row of halves with all output channels, 4 at a time, from weights of four bits.
 *
 * With (a + 8) + 16 b, in 64 bits, the sum is T = 16 B + A + 8 S; with a + 8, modulo 2^32, it is A + 8 S. Both begin
 * with -8 S: then A is a sum of 32 bits as it stands, and B = (T - A) / 16.
 */
#ifndef MCUQ_GEMM_4X1_S16_W4_H
#define MCUQ_GEMM_4X1_S16_W4_H

#include "mcuq_fours_s16.h"

/*
 * A walk over `wide` halves of x, a multiple of 4, whose sum is `sum`: 80 bytes of code are left out for each four
 * short of a loop. begin is -8 S in 64 bits, its low word first.
 */
MCUQ_KERNEL void mcuq_gemm_4x1_s16_w4_begin(mcuq_fours_s16_walk *walk, const mcuq_word *x, int32_t wide, int32_t sum)
{
    const uint64_t begin = (uint64_t)((int64_t)sum * -8);
    walk->x = x;
    walk->x_end = &x[wide / 2];
    walk->first = 2 * (wide & 31);
    walk->entry = 20 * (-wide & 31);
    walk->begin[0] = (uint32_t)begin;
    walk->begin[1] = (uint32_t)(begin >> 32);
}

#if MCUQ_HAS_DSP

/* A word w of weights with the word x: T of a and b in r4 and r5, A in r6; likewise of c and d in r7, r8 and r9. */
#define MCUQ_GEMM_4X1_S16_W4_FOUR(w, x)                                                                     \
    MCUQ_FOURS_S16_BOTH(r12, w, "") "smlald r4, r5, r12, " #x "\n"                                           \
    MCUQ_FOURS_S16_FIRST(r12) "smlad r6, r12, " #x ", r6\n"                                                  \
    MCUQ_FOURS_S16_BOTH(r12, w, ", ror #8") "smlald r7, r8, r12, " #x "\n"                                   \
    MCUQ_FOURS_S16_FIRST(r12) "smlad r9, r12, " #x ", r9\n"

/* Four codes of x, \at bytes before those that the loop has moved on to: 16 products in 21 cycles and 80 bytes. */
#define MCUQ_GEMM_4X1_S16_W4_BEGIN                                                                          \
    "ldr r10, [r1], #64\n ldr r11, [r1, #4-64]\n ldr r2, [r0], #64\n ldr r3, [r0, #4-64]\n"                   \
    MCUQ_GEMM_4X1_S16_W4_FOUR(r10, r2) MCUQ_GEMM_4X1_S16_W4_FOUR(r11, r3)
#define MCUQ_GEMM_4X1_S16_W4_STEP                                                                           \
    "ldr r10, [r1, #-\\at]\n ldr r11, [r1, #4-\\at]\n ldr r2, [r0, #-\\at]\n ldr r3, [r0, #4-\\at]\n"           \
    MCUQ_GEMM_4X1_S16_W4_FOUR(r10, r2) MCUQ_GEMM_4X1_S16_W4_FOUR(r11, r3)

/* T in `low` and `high` becomes B in `low`; A is in a. */
#define MCUQ_GEMM_4X1_S16_W4_SPLIT(low, high, a)                                                            \
    "subs " #low ", " #low ", " #a "\n sbc " #high ", " #high ", " #a ", asr #31\n lsr " #low ", " #low ", #4\n" \
    "orr " #low ", " #low ", " #high ", lsl #28\n"

/* A sum to a code that is not limited yet, see mcuq_halves_raw. */
#define MCUQ_GEMM_4X1_S16_W4_CODE(a)                                                                        \
    MCUQ_FOURS_S16_CHANNEL "add " #a ", r2, " #a ", lsl #1\n add r11, r11, " #a ", asr #31\n"                  \
    "smmlar " #a ", " #a ", r3, r11\n asr " #a ", " #a ", r10\n"

/* All groups; the stack is as MCUQ_FOURS_S16_ENTER says, the sums in r6, r4, r9 and r7. It takes less than 1 KiB. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x1_s16_w4(const mcuq_fours_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_fours_s16_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_FOURS_S16_ENTER("lsl #0") "b.w 1f\n"
        "5:\n ldr r2, [sp, #24]\n str r6, [r2, #0]\n str r4, [r2, #4]\n str r9, [r2, #8]\n str r7, [r2, #12]\n b.w 6f\n"
        "4:\n usat r6, #15, r6\n usat r4, #15, r4\n usat r9, #15, r9\n usat r7, #15, r7\n b.w 3f\n"
        "1:\n ldr r0, [sp, #4]\n ldr r2, [sp, #12]\n ldrd r4, r5, [sp, #36]\n mov r6, r4\n mov r7, r4\n mov r8, r5\n"
        "mov r9, r4\n add r1, r1, r2\n ldr.w pc, [sp, #0]\n"
        ".p2align 2\n"
        "2:\n" MCUQ_GEMM_4X1_S16_W4_BEGIN ".irp at, 56, 48, 40, 32, 24, 16, 8\n" MCUQ_GEMM_4X1_S16_W4_STEP ".endr\n"
        "ldr r2, [sp, #8]\n cmp r0, r2\n bne.w 2b\n"
        MCUQ_GEMM_4X1_S16_W4_SPLIT(r4, r5, r6) MCUQ_GEMM_4X1_S16_W4_SPLIT(r7, r8, r9)
        "ldr r12, [sp, #32]\n ldr r0, [sp, #16]\n cmp r12, #1\n bhi.w 5b\n"
        MCUQ_GEMM_4X1_S16_W4_CODE(r6) MCUQ_GEMM_4X1_S16_W4_CODE(r4)
        MCUQ_GEMM_4X1_S16_W4_CODE(r9) MCUQ_GEMM_4X1_S16_W4_CODE(r7)
        "str r0, [sp, #16]\n ldr r3, [sp, #24]\n cmp r12, #1\n beq.w 4b\n"
        "ssat r6, #16, r6\n ssat r4, #16, r4\n ssat r9, #16, r9\n ssat r7, #16, r7\n"
        "3:\n strh r6, [r3], #8\n strh r4, [r3, #2-8]\n strh r9, [r3, #4-8]\n strh r7, [r3, #6-8]\n str r3, [sp, #24]\n"
        MCUQ_FOURS_S16_LEAVE
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x1_s16_w4(const mcuq_fours_s16_walk *walk)
{
    for (int32_t group = 0; group < walk->groups; group++) {
        int32_t sums[4];
        mcuq_fours_s16_sums(walk, group, 0, 1, sums);
        mcuq_fours_s16_end(walk, group, 0, sums);
    }
}

#endif

#endif
