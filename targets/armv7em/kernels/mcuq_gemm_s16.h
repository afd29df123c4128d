/*
 * The inner products of 2 output channels and 4 pixels whose codes are int16.
 */
#ifndef MCUQ_GEMM_S16_H
#define MCUQ_GEMM_S16_H

#include "mcuq_dsp.h"
#include "mcuq_wide.h"

/*
 * x: words of two codes, those of four pixels side by side. x_main: end of the part that is walked 8 words of weights
 * at a time; x_end: end of the rest, two at a time. weights: of each pair of channels a and b, a0 b0 a1 b1.
 * channels: of each channel, bias, multiplier, right shift, 1 to 23, and 1 << (right - 1). y: channel 0 of pixel 0,
 * the next pixel `stride` bytes on; channels follow each other. pairs: how many, at least one.
 */
typedef struct {
    const mcuq_word *x;
    const mcuq_word *x_main;
    const mcuq_word *x_end;
    const int8_t *weights;
    const int32_t *channels;
    mcuq_int16 *y;
    int32_t stride;
    int32_t pairs;
} mcuq_gemm_s16_walk;

/* Words of a channel. */
#define MCUQ_GEMM_S16_CHANNEL 4

#if MCUQ_HAS_DSP

/* The word of the weights \at bytes on and its four words of x: 16 products in 17 cycles. */
#define MCUQ_GEMM_S16_STEP                                                                                  \
    "ldr r12, [r1, #\\at]\n ldr r2, [r0, #4*\\at]\n ldr r3, [r0, #4*\\at + 4]\n"                             \
    "sxtb16 lr, r12\n sxtb16 r12, r12, ror #8\n"                                                             \
    "smlad r4, lr, r2, r4\n smlad r5, lr, r3, r5\n smlad r8, r12, r2, r8\n smlad r9, r12, r3, r9\n"           \
    "ldr r2, [r0, #4*\\at + 8]\n ldr r3, [r0, #4*\\at + 12]\n"                                                \
    "smlad r6, lr, r2, r6\n smlad r7, lr, r3, r7\n smlad r10, r12, r2, r10\n smlad r11, r12, r3, r11\n"

/*
 * A sum in a register as a code, limited by an instruction: multiplier r12, right shift lr, half its step r2.
 *
 * The sign of the sum is that of its high half where that is not 0; where it is 0, half a step less 1 gives 0 as well.
 */
#define MCUQ_GEMM_S16_CODE(a, limit)                                                                        \
    "add r3, r2, " #a ", asr #31\n lsl " #a ", " #a ", #1\n smmlar " #a ", " #a ", r12, r3\n"                 \
    "asr " #a ", " #a ", lr\n" limit(a)

/* The four sums of a channel; its parameters from [r0, #p]. */
#define MCUQ_GEMM_S16_FINISH(a, b, c, d, multiplier, right, half, limit)                                    \
    "ldr r12, [r0, #" #multiplier "]\n ldr lr, [r0, #" #right "]\n ldr r2, [r0, #" #half "]\n"               \
    MCUQ_GEMM_S16_CODE(a, limit) MCUQ_GEMM_S16_CODE(b, limit)                                               \
    MCUQ_GEMM_S16_CODE(c, limit) MCUQ_GEMM_S16_CODE(d, limit)

/* A code limited to int16, and to those from 0 on. */
#define MCUQ_GEMM_S16_ALL(a) "ssat " #a ", #16, " #a "\n"
#define MCUQ_GEMM_S16_POSITIVE(a) "usat " #a ", #15, " #a "\n"

/* Codes of both channels into y, then on to the next pair. */
#define MCUQ_GEMM_S16_CODES(limit)                                                                          \
    "ldr r0, [sp, #16]\n"                                                                                    \
    MCUQ_GEMM_S16_FINISH(r4, r5, r6, r7, 4, 8, 12, limit)                                                    \
    MCUQ_GEMM_S16_FINISH(r8, r9, r10, r11, 20, 24, 28, limit)                                                \
    "ldr r3, [sp, #20]\n ldr r2, [sp, #24]\n"                                                                \
    "strh r4, [r3, #0]\n strh r8, [r3, #2]\n add r12, r3, #4\n add r3, r3, r2\n"                              \
    "strh r5, [r3, #0]\n strh r9, [r3, #2]\n add r3, r3, r2\n"                                               \
    "strh r6, [r3, #0]\n strh r10, [r3, #2]\n add r3, r3, r2\n"                                              \
    "strh r7, [r3, #0]\n strh r11, [r3, #2]\n str r12, [sp, #20]\n"

/* Sums of both channels into y as words, those of one channel after those of the other. */
#define MCUQ_GEMM_S16_SUMS                                                                                  \
    "ldr r0, [sp, #16]\n ldr r3, [sp, #20]\n stm r3!, {r4-r11}\n str r3, [sp, #20]\n"

/* All pairs. A pointer to the walk is in r0; 32 bytes of the stack hold a copy. */
#define MCUQ_GEMM_S16_WALK(finish)                                                                          \
    "push {r4-r11, lr}\n sub sp, sp, #36\n"                                                                  \
    "ldm r0, {r2-r9}\n"                                                                                      \
    "strd r2, r3, [sp, #0]\n str r4, [sp, #8]\n mov r1, r5\n strd r6, r7, [sp, #16]\n strd r8, r9, [sp, #24]\n" \
    "5:\n ldr r0, [sp, #0]\n ldr r3, [sp, #16]\n ldr r12, [sp, #4]\n ldr r4, [r3, #0]\n ldr r8, [r3, #16]\n"   \
    "mov r5, r4\n mov r6, r4\n mov r7, r4\n mov r9, r8\n mov r10, r8\n mov r11, r8\n"                         \
    "cmp r0, r12\n beq 2f\n"                                                                                 \
    ".p2align 2\n"                                                                                           \
    "1:\n .irp at, 0, 4, 8, 12, 16, 20, 24, 28\n" MCUQ_GEMM_S16_STEP ".endr\n"                                \
    "ldr lr, [sp, #4]\n add r0, r0, #128\n add r1, r1, #32\n cmp r0, lr\n bne 1b\n"                           \
    "2:\n ldr lr, [sp, #8]\n cmp r0, lr\n beq 4f\n"                                                          \
    "3:\n .irp at, 0, 4\n" MCUQ_GEMM_S16_STEP ".endr\n"                                                      \
    "ldr lr, [sp, #8]\n add r0, r0, #32\n add r1, r1, #8\n cmp r0, lr\n bne 3b\n"                             \
    "4:\n" finish                                                                                            \
    "ldr lr, [sp, #28]\n add r0, r0, #32\n str r0, [sp, #16]\n subs lr, lr, #1\n str lr, [sp, #28]\n bne 5b\n" \
    "add sp, sp, #36\n pop {r4-r11, lr}\n"

/* Codes of all pairs of channels, limited to int16. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_all(const mcuq_gemm_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_WALK(MCUQ_GEMM_S16_CODES(MCUQ_GEMM_S16_ALL))
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* Limited to those from 0 on. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_positive(const mcuq_gemm_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_WALK(MCUQ_GEMM_S16_CODES(MCUQ_GEMM_S16_POSITIVE))
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* Sums of all pairs, as 8 words each: of channel a, then of b. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_sums(const mcuq_gemm_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_WALK(MCUQ_GEMM_S16_SUMS)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

/* The sums of a pair of channels. */
MCUQ_KERNEL void mcuq_gemm_s16_pair(const mcuq_gemm_s16_walk *walk, int32_t pair, int32_t sums[8])
{
    const int32_t *const channel = &walk->channels[2 * MCUQ_GEMM_S16_CHANNEL * pair];
    const int8_t *w = &walk->weights[pair * (int32_t)(walk->x_end - walk->x)];
    for (int32_t i = 0; i < 8; i++) {
        sums[i] = channel[(i / 4) * MCUQ_GEMM_S16_CHANNEL];
    }
    for (const mcuq_word *x = walk->x; x != walk->x_end; x = &x[4]) {
        const uint32_t word = mcuq_load4(w);
        for (int32_t i = 0; i < 4; i++) {
            sums[i] = mcuq_smlad(mcuq_sxtb16(word), x[i], sums[i]);
            sums[4 + i] = mcuq_smlad(mcuq_sxtb16_odd(word), x[i], sums[4 + i]);
        }
        w = &w[4];
    }
}

/* Codes of all pairs, from lo on. */
MCUQ_KERNEL void mcuq_gemm_s16_codes(const mcuq_gemm_s16_walk *walk, int32_t lo)
{
    for (int32_t pair = 0; pair < walk->pairs; pair++) {
        int32_t sums[8];
        mcuq_gemm_s16_pair(walk, pair, sums);
        for (int32_t i = 0; i < 8; i++) {
            const int32_t *const channel = &walk->channels[((2 * pair) + (i / 4)) * MCUQ_GEMM_S16_CHANNEL];
            const int32_t code = mcuq_smmlar(sums[i] * 2, channel[1], channel[3] + (sums[i] >> 31)) >> channel[2];
            walk->y[((i % 4) * (walk->stride / 2)) + (2 * pair) + (i / 4)] = mcuq_clamp_s16(code, lo, 32767);
        }
    }
}

MCUQ_KERNEL void mcuq_gemm_s16_all(const mcuq_gemm_s16_walk *walk)
{
    mcuq_gemm_s16_codes(walk, -32768);
}

MCUQ_KERNEL void mcuq_gemm_s16_positive(const mcuq_gemm_s16_walk *walk)
{
    mcuq_gemm_s16_codes(walk, 0);
}

MCUQ_KERNEL void mcuq_gemm_s16_sums(const mcuq_gemm_s16_walk *walk)
{
    for (int32_t pair = 0; pair < walk->pairs; pair++) {
        int32_t sums[8];
        mcuq_gemm_s16_pair(walk, pair, sums);
        (void)memcpy(&walk->y[16 * pair], sums, sizeof sums);
    }
}

#endif

#endif
