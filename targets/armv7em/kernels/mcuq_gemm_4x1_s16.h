/*
 * The product of one row of halves with all output channels, 4 at a time, from weights of two channels in one halfword.
 *
 * A halfword holds 256 b + (a + 128) of the weights of two channels a and b. With the raw word, in 64 bits, the sum is
 * T = 256 B + A + 128 S, where S is the sum of x; with its low bytes, modulo 2^32, it is A + 128 S. Both begin with
 * -128 S: then A is a sum of 32 bits as it stands, and B = (T - A) / 256.
 */
#ifndef MCUQ_GEMM_4X1_S16_H
#define MCUQ_GEMM_4X1_S16_H

#include "mcuq_halves_dsp.h"

/* How sums end: limited to int16, to its codes from 0 on, or as they are, without their biases. */
#define MCUQ_GEMM_4X1_S16_ALL 0
#define MCUQ_GEMM_4X1_S16_POSITIVE 1
#define MCUQ_GEMM_4X1_S16_SUMS 2

/*
 * entry: where the first walk through the unrolled loop begins, see mcuq_gemm_4x1_s16_begin.
 * x: `wide` halves, a multiple of 4; x_end. begin_low and begin_high: -128 S in 64 bits.
 * end: one of the three. first: bytes of x that the first walk through the loop takes where that is not a whole one.
 * channels: of each channel twice the bias, multiplier, right shift, 1 to 23, and 1 << (right - 1).
 * groups: how many fours of channels, at least 1. y: a code per channel, or four words per group.
 * weights: per two halves of x a word for each two channels of a group.
 */
typedef struct {
    int32_t entry;
    const mcuq_word *x;
    const mcuq_word *x_end;
    uint32_t begin_low;
    int32_t begin_high;
    int32_t end;
    int32_t first;
    const int32_t *channels;
    int32_t groups;
    mcuq_int16 *y;
    const int8_t *weights;
} mcuq_gemm_4x1_s16_walk;

/* A walk over `wide` halves of x whose sum is `sum`: 72 bytes of code are left out for each four short of a loop. */
MCUQ_KERNEL void mcuq_gemm_4x1_s16_begin(mcuq_gemm_4x1_s16_walk *walk, const mcuq_word *x, int32_t wide, int32_t sum)
{
    const uint64_t begin = (uint64_t)((int64_t)sum * -128);
    walk->x = x;
    walk->x_end = &x[wide / 2];
    walk->first = 2 * (wide & 31);
    walk->entry = 18 * (-wide & 31);
    walk->begin_low = (uint32_t)begin;
    walk->begin_high = (int32_t)(uint32_t)(begin >> 32);
}

#if MCUQ_HAS_DSP

/* A word of weights w of channels a and b with the word x: T in `low` and `high`, A in a. */
#define MCUQ_GEMM_4X1_S16_PAIR(low, high, a, w, x)                                                          \
    "smlald " #low ", " #high ", " #w ", " #x "\n uxtb16 " #w ", " #w "\n"                                   \
    "smlad " #a ", " #w ", " #x ", " #a "\n"
#define MCUQ_GEMM_4X1_S16_PRODUCTS                                                                          \
    MCUQ_GEMM_4X1_S16_PAIR(r4, r5, r6, r10, r2) MCUQ_GEMM_4X1_S16_PAIR(r7, r8, r9, r11, r2)                  \
    MCUQ_GEMM_4X1_S16_PAIR(r4, r5, r6, r12, r3) MCUQ_GEMM_4X1_S16_PAIR(r7, r8, r9, lr, r3)

/*
 * Four codes of x, \at bytes of x before those that the loop has moved on to: 16 products in 19 cycles and 72 bytes.
 * The first of a loop moves both addresses on.
 */
#define MCUQ_GEMM_4X1_S16_FIRST                                                                             \
    "ldr r10, [r1], #128\n ldr r11, [r1, #4-128]\n ldr r12, [r1, #8-128]\n ldr lr, [r1, #12-128]\n"           \
    "ldr r2, [r0], #64\n ldr r3, [r0, #4-64]\n" MCUQ_GEMM_4X1_S16_PRODUCTS
#define MCUQ_GEMM_4X1_S16_STEP                                                                              \
    "ldr r10, [r1, #-2*\\at]\n ldr r11, [r1, #4-2*\\at]\n ldr r12, [r1, #8-2*\\at]\n ldr lr, [r1, #12-2*\\at]\n" \
    "ldr r2, [r0, #-\\at]\n ldr r3, [r0, #4-\\at]\n" MCUQ_GEMM_4X1_S16_PRODUCTS

/* T in `low` and `high` becomes B in `low`; A is in a. */
#define MCUQ_GEMM_4X1_S16_SPLIT(low, high, a)                                                               \
    "subs " #low ", " #low ", " #a "\n sbc " #high ", " #high ", " #a ", asr #31\n lsr " #low ", " #low ", #8\n" \
    "orr " #low ", " #low ", " #high ", lsl #24\n"

/*
 * A sum to a code, limited by an instruction; r0: the channel's words. The sign of the sum is that of its high half
 * where that is not 0; where it is 0, half a step less 1 gives 0 as well. Codes from 0 on need no sign.
 */
#define MCUQ_GEMM_4X1_S16_CODE(a)                                                                           \
    "ldm r0!, {r2, r3, r10, r11}\n add " #a ", r2, " #a ", lsl #1\n add r11, r11, " #a ", asr #31\n"           \
    "smmlar " #a ", " #a ", r3, r11\n asr " #a ", " #a ", r10\n ssat " #a ", #16, " #a "\n"
#define MCUQ_GEMM_4X1_S16_CODE_POSITIVE(a)                                                                  \
    "ldm r0!, {r2, r3, r10, r11}\n add " #a ", r2, " #a ", lsl #1\n"                                          \
    "smmlar " #a ", " #a ", r3, r11\n asr " #a ", " #a ", r10\n usat " #a ", #15, " #a "\n"

/*
 * All groups. The stack holds, by offset: 0 where the unrolled loop is entered, 4 x behind the first walk, 8 x_end,
 * 12 begin_low, 16 begin_high, 20 end, 24 first in weights, 28 channels, 32 groups left, 36 y. It takes less than
 * 1 KiB.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x1_s16(const mcuq_gemm_4x1_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_4x1_s16_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #44\n ldm r0, {r1-r11}\n adr.w r12, 2f+1\n add r1, r1, r12\n"
        "add r2, r2, r7\n lsl r7, r7, #1\n stm sp, {r1-r10}\n mov r1, r11\n"
        "1:\n ldr r2, [sp, #24]\n ldr r0, [sp, #4]\n ldr r4, [sp, #12]\n ldr r5, [sp, #16]\n"
        "mov r6, r4\n mov r7, r4\n mov r8, r5\n mov r9, r4\n add r1, r1, r2\n ldr.w pc, [sp, #0]\n"
        ".p2align 2\n"
        "2:\n" MCUQ_GEMM_4X1_S16_FIRST ".irp at, 56, 48, 40, 32, 24, 16, 8\n" MCUQ_GEMM_4X1_S16_STEP ".endr\n"
        "ldr r2, [sp, #8]\n cmp r0, r2\n bne.w 2b\n"
        MCUQ_GEMM_4X1_S16_SPLIT(r4, r5, r6) MCUQ_GEMM_4X1_S16_SPLIT(r7, r8, r9)
        "ldr r2, [sp, #20]\n ldr r0, [sp, #28]\n ldr r12, [sp, #36]\n cmp r2, #1\n bhi 5f\n beq 4f\n"
        MCUQ_GEMM_4X1_S16_CODE(r6) MCUQ_GEMM_4X1_S16_CODE(r4) MCUQ_GEMM_4X1_S16_CODE(r9) MCUQ_GEMM_4X1_S16_CODE(r7)
        "3:\n strh r6, [r12], #8\n strh r4, [r12, #2-8]\n strh r9, [r12, #4-8]\n strh r7, [r12, #6-8]\n"
        "6:\n ldr r2, [sp, #32]\n str r0, [sp, #28]\n str r12, [sp, #36]\n subs r2, r2, #1\n str r2, [sp, #32]\n"
        "bne.w 1b\n add sp, sp, #44\n pop {r4-r11, lr}\n b.w 7f\n"
        "4:\n"
        MCUQ_GEMM_4X1_S16_CODE_POSITIVE(r6) MCUQ_GEMM_4X1_S16_CODE_POSITIVE(r4)
        MCUQ_GEMM_4X1_S16_CODE_POSITIVE(r9) MCUQ_GEMM_4X1_S16_CODE_POSITIVE(r7) "b 3b\n"
        "5:\n str r6, [r12], #16\n str r4, [r12, #4-16]\n str r9, [r12, #8-16]\n str r7, [r12, #12-16]\n b 6b\n"
        "7:\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

/* The sums A and B of a word of weights per `w_step` bytes. */
MCUQ_KERNEL void mcuq_gemm_4x1_s16_two(const mcuq_gemm_4x1_s16_walk *walk, const int8_t *w, int32_t sums[2])
{
    int64_t both = ((int64_t)walk->begin_high * ((int64_t)1 << 32)) + walk->begin_low;
    uint32_t low = walk->begin_low;
    for (const mcuq_word *x = walk->x; x != walk->x_end; x = &x[1]) {
        const uint32_t word = mcuq_load4(w);
        for (uint32_t half = 0; half < 2U; half++) {
            const int32_t code = mcuq_half(*x, half);
            both += (int64_t)mcuq_half(word, half) * code;
            low += (uint32_t)code * ((word >> (16U * half)) & 0xFFU);
        }
        w = &w[8];
    }
    sums[0] = (int32_t)low;
    sums[1] = (int32_t)((both - sums[0]) / 256);
}

MCUQ_KERNEL void mcuq_gemm_4x1_s16(const mcuq_gemm_4x1_s16_walk *walk)
{
    const int32_t words = (int32_t)(walk->x_end - walk->x);
    for (int32_t group = 0; group < walk->groups; group++) {
        int32_t sums[4];
        mcuq_gemm_4x1_s16_two(walk, &walk->weights[8 * words * group], &sums[0]);
        mcuq_gemm_4x1_s16_two(walk, &walk->weights[(8 * words * group) + 4], &sums[2]);
        if (walk->end == MCUQ_GEMM_4X1_S16_SUMS) {
            (void)memcpy(&walk->y[8 * group], sums, sizeof sums);
        }
        for (int32_t i = 0; (i < 4) && (walk->end != MCUQ_GEMM_4X1_S16_SUMS); i++) {
            const int32_t *const channel = &walk->channels[4 * ((4 * group) + i)];
            const int32_t doubled = channel[0] + (sums[i] * 2);
            const int32_t sign = (walk->end == MCUQ_GEMM_4X1_S16_ALL) ? (doubled >> 31) : 0;
            const int32_t code = mcuq_smmlar(doubled, channel[1], channel[3] + sign) >> channel[2];
            const int32_t lo = (walk->end == MCUQ_GEMM_4X1_S16_ALL) ? -32768 : 0;
            walk->y[(4 * group) + i] = mcuq_clamp_s16(code, lo, 32767);
        }
    }
}

#endif

#endif
