/*
 * The inner products of 2 output channels and 4 pixels whose codes are int16.
 */
#ifndef MCUQ_GEMM_S16_H
#define MCUQ_GEMM_S16_H

#include "mcuq_dsp.h"
#include "mcuq_wide.h"

/*
 * entry: where the first walk through the unrolled loop begins, see mcuq_gemm_s16_begin.
 * x: words of two codes, those of four pixels side by side; x_end.
 * first: bytes of weights that the first walk through the loop takes where that is not a whole one.
 * channels: of each channel, bias, multiplier, right shift, 1 to 23, and 1 << (right - 1). pairs: of channels, at least
 * one. y: channel 0 of pixel 0, the next pixel `stride` bytes on; channels follow each other. Where stride is 0, the
 * sums of one pair, as 8 words: of channel a, then of b.
 * weights: of each pair of channels a and b, a0 b0 a1 b1.
 */
typedef struct {
    int32_t entry;
    const mcuq_word *x;
    const mcuq_word *x_end;
    int32_t first;
    const int32_t *channels;
    int32_t pairs;
    mcuq_int16 *y;
    int32_t stride;
    const int8_t *weights;
} mcuq_gemm_s16_walk;

/* Words of a channel, and words of a pixel that the unrolled loop takes. */
#define MCUQ_GEMM_S16_CHANNEL 4
#define MCUQ_GEMM_S16_LOOP 11

/* A walk over `words` words of each pixel: 60 bytes of code are left out for each that it is short of whole loops. */
static inline void mcuq_gemm_s16_begin(mcuq_gemm_s16_walk *walk, const mcuq_word *x, int32_t words)
{
    walk->x = x;
    walk->x_end = &x[4 * words];
    const int32_t first = words % MCUQ_GEMM_S16_LOOP;
    walk->first = 4 * first;
    walk->entry = (first == 0) ? 0 : (60 * (MCUQ_GEMM_S16_LOOP - first));
}

#if MCUQ_HAS_DSP

/* A word of the weights in r12 and its words of x, the first two in r2 and r3. */
#define MCUQ_GEMM_S16_PRODUCTS(third, fourth)                                                               \
    "sxtb16 lr, r12\n sxtb16 r12, r12, ror #8\n"                                                             \
    "smlad r4, lr, r2, r4\n smlad r5, lr, r3, r5\n smlad r8, r12, r2, r8\n smlad r9, r12, r3, r9\n"           \
    third fourth                                                                                             \
    "smlad r6, lr, r2, r6\n smlad r7, lr, r3, r7\n smlad r10, r12, r2, r10\n smlad r11, r12, r3, r11\n"

/*
 * The word of weights \at bytes before those that the loop has moved on to: 16 products in 17 cycles and 60 bytes. The
 * first of a loop moves both addresses on.
 */
#define MCUQ_GEMM_S16_FIRST                                                                                 \
    "ldr r12, [r1], #44\n ldr r2, [r0], #176\n ldr r3, [r0, #4-176]\n"                                        \
    MCUQ_GEMM_S16_PRODUCTS("ldr r2, [r0, #8-176]\n", "ldr r3, [r0, #12-176]\n")
#define MCUQ_GEMM_S16_STEP                                                                                  \
    "ldr r12, [r1, #-\\at]\n ldr r2, [r0, #-4*\\at]\n ldr r3, [r0, #4-4*\\at]\n"                              \
    MCUQ_GEMM_S16_PRODUCTS("ldr r2, [r0, #8-4*\\at]\n", "ldr r3, [r0, #12-4*\\at]\n")

/*
 * A sum in a register as a code, limited by an instruction: multiplier r2, right shift r12, half its step lr.
 *
 * The sign of the sum is that of its high half where that is not 0; where it is 0, half a step less 1 gives 0 as well.
 * Codes from 0 on need no sign.
 */
#define MCUQ_GEMM_S16_ALL(a)                                                                                \
    "add r3, lr, " #a ", asr #31\n lsls " #a ", " #a ", #1\n smmlar " #a ", " #a ", r2, r3\n"                 \
    "asr " #a ", " #a ", r12\n ssat " #a ", #16, " #a "\n"
#define MCUQ_GEMM_S16_POSITIVE(a)                                                                           \
    "lsls " #a ", " #a ", #1\n smmlar " #a ", " #a ", r2, lr\n asr " #a ", " #a ", r12\n"                     \
    "usat " #a ", #15, " #a "\n"

/* The four sums of a channel; r0: its parameters. */
#define MCUQ_GEMM_S16_FINISH(a, b, c, d, code)                                                              \
    "adds r0, #4\n ldm.w r0!, {r2, r12, lr}\n" code(a) code(b) code(c) code(d)

/*
 * All pairs; what `sums` does in place of codes ends them. The stack holds, by offset: 0 where the unrolled loop is
 * entered, 4 x behind the first walk, 8 x_end, 12 first, 16 channels, 20 pairs left, 24 y, 28 stride. It takes less
 * than 1 KiB.
 */
#define MCUQ_GEMM_S16_WALK(sums, code)                                                                      \
    "push {r4-r11, lr}\n sub sp, sp, #36\n ldm r0, {r1-r9}\n adr.w r10, 2f+1\n add r1, r1, r10\n"              \
    "add r2, r2, r4, lsl #2\n stm sp, {r1-r8}\n mov r1, r9\n"                                                 \
    "1:\n ldr r3, [sp, #16]\n ldr r0, [sp, #4]\n ldr r2, [sp, #12]\n ldr r4, [r3, #0]\n ldr r8, [r3, #16]\n"   \
    "mov r5, r4\n mov r6, r4\n mov r7, r4\n mov r9, r8\n mov r10, r8\n mov r11, r8\n"                         \
    "cbz r2, 2f\n add r1, r1, r2\n ldr.w pc, [sp, #0]\n"                                                     \
    ".p2align 2\n"                                                                                           \
    "2:\n" MCUQ_GEMM_S16_FIRST ".irp at, 40, 36, 32, 28, 24, 20, 16, 12, 8, 4\n" MCUQ_GEMM_S16_STEP ".endr\n"  \
    "ldr r2, [sp, #8]\n cmp r0, r2\n bne.w 2b\n" sums                                                        \
    "ldr r0, [sp, #16]\n"                                                                                    \
    MCUQ_GEMM_S16_FINISH(r4, r5, r6, r7, code) MCUQ_GEMM_S16_FINISH(r8, r9, r10, r11, code)                  \
    "ldr r3, [sp, #24]\n ldr r2, [sp, #28]\n ldr lr, [sp, #20]\n add r12, r3, #4\n"                         \
    "strh r4, [r3, #0]\n strh r8, [r3, #2]\n add r3, r3, r2\n str r0, [sp, #16]\n"                            \
    "strh r5, [r3, #0]\n strh r9, [r3, #2]\n add r3, r3, r2\n str r12, [sp, #24]\n"                           \
    "strh r6, [r3, #0]\n strh r10, [r3, #2]\n add r3, r3, r2\n subs lr, lr, #1\n"                             \
    "strh r7, [r3, #0]\n strh r11, [r3, #2]\n str lr, [sp, #20]\n bne.w 1b\n"                                 \
    "4:\n add sp, sp, #36\n pop {r4-r11, lr}\n"

/* Sums of both channels in place of codes, where the stride is 0. */
#define MCUQ_GEMM_S16_SUMS                                                                                  \
    "ldr r2, [sp, #28]\n cbnz r2, 3f\n ldr r3, [sp, #24]\n stm r3, {r4-r11}\n b.w 4f\n 3:\n"

/* Codes of all pairs of channels, limited to int16; or sums. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_all(const mcuq_gemm_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_WALK(MCUQ_GEMM_S16_SUMS, MCUQ_GEMM_S16_ALL)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* Limited to those from 0 on. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_positive(const mcuq_gemm_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_WALK("", MCUQ_GEMM_S16_POSITIVE)
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
            const int32_t sign = (lo == 0) ? 0 : (sums[i] >> 31);
            const int32_t code = mcuq_smmlar(sums[i] * 2, channel[1], channel[3] + sign) >> channel[2];
            walk->y[((i % 4) * (walk->stride / 2)) + (2 * pair) + (i / 4)] = mcuq_clamp_s16(code, lo, 32767);
        }
    }
}

MCUQ_KERNEL void mcuq_gemm_s16_all(const mcuq_gemm_s16_walk *walk)
{
    if (walk->stride == 0) {
        int32_t sums[8];
        mcuq_gemm_s16_pair(walk, 0, sums);
        (void)memcpy(walk->y, sums, sizeof sums);
    } else {
        mcuq_gemm_s16_codes(walk, -32768);
    }
}

MCUQ_KERNEL void mcuq_gemm_s16_positive(const mcuq_gemm_s16_walk *walk)
{
    mcuq_gemm_s16_codes(walk, 0);
}

#endif

#endif
