/*
 * A line of outputs of two channels, int16, from windows of three words in a line.
 */
#ifndef MCUQ_PLANES_S16_H
#define MCUQ_PLANES_S16_H

#include "mcuq_halves_dsp.h"

/*
 * x: where the first window begins; a word holds the codes of both channels, lines of a window are `pitch` bytes apart.
 * w: weights of both channels, to w_end; y: codes, y_step bytes apart. quads: of outputs, at least one. channels: both.
 */
typedef struct {
    const mcuq_word *x;
    const mcuq_word *w;
    const mcuq_word *w_end;
    int32_t pitch;
    mcuq_int16 *y;
    int32_t y_step;
    int32_t quads;
    const mcuq_halves_channel *channels;
} mcuq_planes_s16_walk;

#if MCUQ_HAS_DSP

/* Three words of weights in r3, r12 and lr and the words of x that they meet, windows one apart. */
#define MCUQ_PLANES_S16_ONE                                                                                 \
    "ldr r2, [r0, #0]\n smlabb r4, r2, r3, r4\n smlatt r5, r2, r3, r5\n ldr r2, [r0, #4]\n"                \
    "smlabb r4, r2, r12, r4\n smlatt r5, r2, r12, r5\n smlabb r6, r2, r3, r6\n smlatt r7, r2, r3, r7\n"    \
    "ldr r2, [r0, #8]\n smlabb r4, r2, lr, r4\n smlatt r5, r2, lr, r5\n smlabb r6, r2, r12, r6\n"          \
    "smlatt r7, r2, r12, r7\n smlabb r8, r2, r3, r8\n smlatt r9, r2, r3, r9\n ldr r2, [r0, #12]\n"         \
    "smlabb r6, r2, lr, r6\n smlatt r7, r2, lr, r7\n smlabb r8, r2, r12, r8\n smlatt r9, r2, r12, r9\n"    \
    "smlabb r10, r2, r3, r10\n smlatt r11, r2, r3, r11\n ldr r2, [r0, #16]\n smlabb r8, r2, lr, r8\n"      \
    "smlatt r9, r2, lr, r9\n smlabb r10, r2, r12, r10\n smlatt r11, r2, r12, r11\n ldr r2, [r0, #20]\n"    \
    "smlabb r10, r2, lr, r10\n smlatt r11, r2, lr, r11\n"

/* Windows two apart. */
#define MCUQ_PLANES_S16_TWO                                                                                 \
    "ldr r2, [r0, #0]\n smlabb r4, r2, r3, r4\n smlatt r5, r2, r3, r5\n ldr r2, [r0, #4]\n"                \
    "smlabb r4, r2, r12, r4\n smlatt r5, r2, r12, r5\n ldr r2, [r0, #8]\n smlabb r4, r2, lr, r4\n"         \
    "smlatt r5, r2, lr, r5\n smlabb r6, r2, r3, r6\n smlatt r7, r2, r3, r7\n ldr r2, [r0, #12]\n"          \
    "smlabb r6, r2, r12, r6\n smlatt r7, r2, r12, r7\n ldr r2, [r0, #16]\n smlabb r6, r2, lr, r6\n"        \
    "smlatt r7, r2, lr, r7\n smlabb r8, r2, r3, r8\n smlatt r9, r2, r3, r9\n ldr r2, [r0, #20]\n"          \
    "smlabb r8, r2, r12, r8\n smlatt r9, r2, r12, r9\n ldr r2, [r0, #24]\n smlabb r8, r2, lr, r8\n"        \
    "smlatt r9, r2, lr, r9\n smlabb r10, r2, r3, r10\n smlatt r11, r2, r3, r11\n ldr r2, [r0, #28]\n"      \
    "smlabb r10, r2, r12, r10\n smlatt r11, r2, r12, r11\n ldr r2, [r0, #32]\n"                            \
    "smlabb r10, r2, lr, r10\n smlatt r11, r2, lr, r11\n"

/* A code limited to int16, and to those from 0 on. */
#define MCUQ_PLANES_S16_ALL(a) "ssat " #a ", #16, " #a "\n"
#define MCUQ_PLANES_S16_POSITIVE(a) "usat " #a ", #15, " #a "\n"

/* A sum as a code: mcuq_halves_raw; multiplier r12, right shift lr, half its step r2. */
#define MCUQ_PLANES_S16_CODE(a, limit)                                                                      \
    "add r3, r2, " #a ", asr #31\n lsl " #a ", " #a ", #1\n smmlar " #a ", " #a ", r12, r3\n"                 \
    "asr " #a ", " #a ", lr\n" limit(a)

/* A channel's four sums; its parameters from [r0, #p]. */
#define MCUQ_PLANES_S16_FINISH(a, b, c, d, multiplier, right, half, limit)                                  \
    "ldr r12, [r0, #" #multiplier "]\n ldr lr, [r0, #" #right "]\n ldr r2, [r0, #" #half "]\n"               \
    MCUQ_PLANES_S16_CODE(a, limit) MCUQ_PLANES_S16_CODE(b, limit)                                           \
    MCUQ_PLANES_S16_CODE(c, limit) MCUQ_PLANES_S16_CODE(d, limit)

/* All quads, each `next` bytes of x behind the one before. A pointer to the walk is in r0. */
#define MCUQ_PLANES_S16_LINE(taps, next, limit)                                                             \
    "push {r4-r11, lr}\n sub sp, sp, #36\n ldm r0, {r1-r8}\n stm sp, {r1-r8}\n"                               \
    "2:\n ldr r3, [sp, #28]\n ldr r0, [sp, #0]\n ldr r1, [sp, #4]\n ldr r4, [r3, #0]\n ldr r5, [r3, #16]\n"    \
    "mov r6, r4\n mov r8, r4\n mov r10, r4\n mov r7, r5\n mov r9, r5\n mov r11, r5\n"                         \
    ".p2align 2\n"                                                                                           \
    "1:\n ldm r1!, {r3, r12, lr}\n" taps                                                                     \
    "ldr r2, [sp, #12]\n ldr r3, [sp, #8]\n add r0, r0, r2\n cmp r1, r3\n bne 1b\n"                           \
    "ldr r0, [sp, #28]\n"                                                                                    \
    MCUQ_PLANES_S16_FINISH(r4, r6, r8, r10, 4, 8, 12, limit)                                                 \
    MCUQ_PLANES_S16_FINISH(r5, r7, r9, r11, 20, 24, 28, limit)                                               \
    "ldr r3, [sp, #16]\n ldr r2, [sp, #20]\n ldr r0, [sp, #0]\n ldr r1, [sp, #24]\n"                          \
    "strh r4, [r3, #0]\n strh r5, [r3, #2]\n add r3, r3, r2\n"                                               \
    "strh r6, [r3, #0]\n strh r7, [r3, #2]\n add r3, r3, r2\n"                                               \
    "strh r8, [r3, #0]\n strh r9, [r3, #2]\n add r3, r3, r2\n"                                               \
    "strh r10, [r3, #0]\n strh r11, [r3, #2]\n add r3, r3, r2\n"                                             \
    "add r0, r0, #" next "\n str r3, [sp, #16]\n str r0, [sp, #0]\n"                                         \
    "subs r1, r1, #1\n str r1, [sp, #24]\n bne 2b\n"                                                         \
    "add sp, sp, #36\n pop {r4-r11, lr}\n"

MCUQ_KERNEL MCUQ_NOINLINE void mcuq_planes_s16_one_all(const mcuq_planes_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_planes_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_PLANES_S16_LINE(MCUQ_PLANES_S16_ONE, "16", MCUQ_PLANES_S16_ALL)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

MCUQ_KERNEL MCUQ_NOINLINE void mcuq_planes_s16_one_positive(const mcuq_planes_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_planes_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_PLANES_S16_LINE(MCUQ_PLANES_S16_ONE, "16", MCUQ_PLANES_S16_POSITIVE)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

MCUQ_KERNEL MCUQ_NOINLINE void mcuq_planes_s16_two_all(const mcuq_planes_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_planes_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_PLANES_S16_LINE(MCUQ_PLANES_S16_TWO, "32", MCUQ_PLANES_S16_ALL)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

MCUQ_KERNEL MCUQ_NOINLINE void mcuq_planes_s16_two_positive(const mcuq_planes_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_planes_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_PLANES_S16_LINE(MCUQ_PLANES_S16_TWO, "32", MCUQ_PLANES_S16_POSITIVE)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* Codes of all quads, windows `stride` (1 or 2) words apart, limited to int16 or, where lo is 0, to those from 0 on. */
MCUQ_KERNEL void mcuq_planes_s16_line(const mcuq_planes_s16_walk *walk, int32_t stride, int32_t lo)
{
    if ((stride == 1) && (lo == 0)) {
        mcuq_planes_s16_one_positive(walk);
    } else if (stride == 1) {
        mcuq_planes_s16_one_all(walk);
    } else if (lo == 0) {
        mcuq_planes_s16_two_positive(walk);
    } else {
        mcuq_planes_s16_two_all(walk);
    }
}

#else

MCUQ_KERNEL void mcuq_planes_s16_line(const mcuq_planes_s16_walk *walk, int32_t stride, int32_t lo)
{
    for (int32_t i = 0; i < (4 * walk->quads); i++) {
        const mcuq_word *x = &walk->x[i * stride];
        int32_t a = walk->channels[0].bias;
        int32_t b = walk->channels[1].bias;
        for (const mcuq_word *w = walk->w; w != walk->w_end; w = &w[3]) {
            for (int32_t k = 0; k < 3; k++) {
                a = mcuq_smlabb(x[k], w[k], a);
                b = mcuq_smlatt(x[k], w[k], b);
            }
            x = &x[walk->pitch / 4];
        }
        mcuq_int16 *const y = &walk->y[i * (walk->y_step / 2)];
        y[0] = mcuq_clamp_s16(mcuq_halves_raw(a, &walk->channels[0]), (lo == 0) ? 0 : -32768, 32767);
        y[1] = mcuq_clamp_s16(mcuq_halves_raw(b, &walk->channels[1]), (lo == 0) ? 0 : -32768, 32767);
    }
}

#endif

#endif
