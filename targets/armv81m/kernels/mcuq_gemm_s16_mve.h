/*
 * The product of 2 pixels of int16 with all output channels, 4 at a time, 8 codes at once.
 */
#ifndef MCUQ_GEMM_S16_MVE_H
#define MCUQ_GEMM_S16_MVE_H

#include "mcuq_gemm_mve.h"
#include "mcuq_mixed.h"

/*
 * A walk is that of mcuq_gemm_mve.h with 8 codes in a chunk, never of four bits: weights are 8 * chunks codes of four
 * channels as [chunks][4][8], then [4][rest]. x0, x1, y, y_step and y_end count bytes.
 */

/* Chunks whose products stay in int32 with a rest behind them: 503 of 2^15 * 2^7 at most. */
#define MCUQ_GEMM_S16_MVE_MOST 62

/* Codes of two pixels, 8 * chunks + rest of each, and the weights of four channels. */
typedef struct {
    const int8_t *x0;
    const int8_t *weights;
    int32_t chunks;
    const int8_t *x1;
    int32_t rest;
} mcuq_gemm_s16_mve_part;

#if MCUQ_HAS_MVE

/* 8 codes of each pixel: loads and products alternate, so that a core may do both at a time. 56 bytes. */
#define MCUQ_GEMM_S16_MVE_STEP                                                                             \
    "vldrh.u16 q0, [r1], #16\n vldrb.s16 q2, [r3], #32\n vmladava.s16 r0, q0, q2\n vldrh.u16 q1, [r11], #16\n" \
    "vmladava.s16 r8, q1, q2\n vldrb.s16 q3, [r3, #-24]\n vmladava.s16 r2, q0, q3\n vldrb.s16 q2, [r3, #-16]\n" \
    "vmladava.s16 r10, q1, q3\n vldrb.s16 q3, [r3, #-8]\n vmladava.s16 r4, q0, q2\n vmladava.s16 r12, q1, q2\n" \
    "vmladava.s16 r6, q0, q3\n vmladava.s16 lr, q1, q3\n"

/* The last codes of a channel, r7 in number: what is not loaded is 0. */
#define MCUQ_GEMM_S16_MVE_REST(a, b)                                                                       \
    "vpst\n vldrbt.s16 q2, [r3]\n add.n r3, r3, r7\n vmladava.s16 " #a ", q0, q2\n vmladava.s16 " #b ", q1, q2\n"

/*
 * Assembly text: r7 chunks of codes, then what is left over, whose number `rest` loads into r7. Sums of channels a to d
 * are in r0, r2, r4, r6 for pixel 0 and in r8, r10, r12, lr for pixel 1; r1 and r11 are the pixels, r3 the weights. Two
 * steps a round, an odd number begins with the second.
 */
#define MCUQ_GEMM_S16_MVE_SUMS(rest)                                                                       \
    "cbz r7, 4f\n tst.w r7, #1\n bne.n 3f\n"                                                               \
    "2:\n" MCUQ_GEMM_S16_MVE_STEP "3:\n" MCUQ_GEMM_S16_MVE_STEP "subs.n r7, r7, #2\n bgt.n 2b\n"           \
    "4:\n " rest "\n cbz r7, 5f\n vctp.16 r7\n vpstt\n vldrht.u16 q0, [r1]\n vldrht.u16 q1, [r11]\n"       \
    MCUQ_GEMM_S16_MVE_REST(r0, r8) MCUQ_GEMM_S16_MVE_REST(r2, r10)                                         \
    MCUQ_GEMM_S16_MVE_REST(r4, r12) MCUQ_GEMM_S16_MVE_REST(r6, lr)                                         \
    "5:\n"

/*
 * Assembly text of a whole routine, with how the codes in q0 and q1 are stored to r5 and r1, r4 bytes from the end of
 * y: then flags say "greater" where channels are left.
 *
 * The stack holds, by offset: 0 x0, 4 chunks, 8 x1, 12 rest, 16 y_zero_point, 20 y_step, 24 y_end, 28 has_left.
 * r5 = y, r9 = channels, q5 and q6 the limits.
 */
#define MCUQ_GEMM_S16_MVE(store)                                                                           \
    "push {r4-r11, lr}\n vpush {d8-d15}\n"                                                                 \
    "ldrd r1, r2, [r0, #44]\n vdup.32 q5, r1\n vdup.32 q6, r2\n"                                           \
    "ldrd r5, r9, [r0, #32]\n ldr r12, [r0, #40]\n ldm r0, {r1-r4, r6-r8, r10}\n"                          \
    "mov r11, r2\n mov r2, r3\n mov r3, r11\n push {r1-r4, r6-r8, r10}\n mov r3, r12\n"                    \
    ".p2align 2\n"                                                                                         \
    "1:\n ldm.w sp, {r1, r7, r11}\n ldm.w r9, {r0, r2, r4, r6}\n ldm.w r9!, {r8, r10, r12, lr}\n"          \
    MCUQ_GEMM_S16_MVE_SUMS("ldr.n r7, [sp, #12]")                                                          \
    "vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"                                              \
    "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n"                                            \
    "add.n r7, sp, #16\n ldm.w r7, {r0-r2, r4}\n vldrw.u32 q2, [r9], #16\n vldrw.u32 q3, [r9], #16\n"      \
    "cbz r4, 6f\n vmov.i32 q7, #0\n vmax.s32 q4, q3, q7\n vshl.s32 q0, q0, q4\n vshl.s32 q1, q1, q4\n"     \
    "vmin.s32 q3, q3, q7\n"                                                                                \
    "6:\n" MCUQ_MVE_CODES(q0, q4, q2, q3, r0, q5, q6) MCUQ_MVE_CODES(q1, q4, q2, q3, r0, q5, q6)           \
    "subs.n r4, r2, r5\n add.n r1, r1, r5\n" store "bgt.w 1b\n"                                            \
    "add sp, sp, #32\n vpop {d8-d15}\n pop {r4-r11, lr}\n"

/* Assembly text: codes as halfwords and as bytes. */
#define MCUQ_GEMM_S16_MVE_HALVES                                                                           \
    "lsrs.n r4, r4, #1\n vctp.32 r4\n vpstt\n vstrht.32 q0, [r5], #8\n vstrht.32 q1, [r1]\n cmp.n r4, #4\n"
#define MCUQ_GEMM_S16_MVE_BYTES                                                                            \
    "vctp.32 r4\n vpstt\n vstrbt.32 q0, [r5], #4\n vstrbt.32 q1, [r1]\n cmp.n r4, #4\n"

/* y[pixel * y_step + channel] = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), int16. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_mve(const mcuq_gemm_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_MVE(MCUQ_GEMM_S16_MVE_HALVES)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* The same, int8. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_mve_narrow(const mcuq_gemm_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_S16_MVE(MCUQ_GEMM_S16_MVE_BYTES)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* sums[4 * pixel + channel] = sum x * w of a part; the stack holds where they go and the rest. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s16_mve_sums(const mcuq_gemm_s16_mve_part *part, int32_t *sums)
{
    MCUQ_REGISTER(const mcuq_gemm_s16_mve_part *, r0, part);
    MCUQ_REGISTER(int32_t *, r1, sums);
    __asm__ volatile("push {r4-r11, lr}\n ldr r2, [r0, #16]\n push {r1, r2}\n ldm r0, {r1, r3, r7, r11}\n"
                     "movs r0, #0\n movs r2, #0\n movs r4, #0\n movs r6, #0\n"
                     "mov r8, #0\n mov r10, #0\n mov r12, #0\n mov lr, #0\n"
                     MCUQ_GEMM_S16_MVE_SUMS("ldr.n r7, [sp, #4]")
                     "ldr r1, [sp, #0]\n stm r1, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                     "add sp, sp, #8\n pop {r4-r11, lr}\n"
                     : "+r"(r0), "+r"(r1)
                     :
                     : "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_s16_mve_sums(const mcuq_gemm_s16_mve_part *part, int32_t *sums)
{
    const mcuq_int16 *const x[2] = {(const mcuq_int16 *)(const void *)part->x0,
                                    (const mcuq_int16 *)(const void *)part->x1};
    const int32_t whole = 8 * part->chunks;
    for (int32_t i = 0; i < 8; i++) {
        const int32_t lane = i % 4;
        sums[i] = 0;
        for (int32_t k = 0; k < whole; k++) {
            sums[i] += x[i / 4][k] * part->weights[(8 * ((4 * (k / 8)) + lane)) + (k % 8)];
        }
        for (int32_t k = 0; k < part->rest; k++) {
            sums[i] += x[i / 4][whole + k] * part->weights[(4 * whole) + (part->rest * lane) + k];
        }
    }
}

#endif

/* bias + sum x * w of four channels, sums[4 * pixel + channel], of any number of codes; the channels are `four`. */
MCUQ_KERNEL void mcuq_gemm_s16_mve_long(const mcuq_gemm_mve_walk *walk, const int8_t *weights, const int32_t *four,
                                        int64_t *sums)
{
    mcuq_gemm_s16_mve_part part = {.x0 = walk->x0, .weights = weights, .x1 = walk->x1};
    int32_t left = walk->chunks;
    int32_t found[8];
    for (int32_t i = 0; i < 8; i++) {
        sums[i] = four[i % 4];
    }
    do {
        part.chunks = (left < MCUQ_GEMM_S16_MVE_MOST) ? left : MCUQ_GEMM_S16_MVE_MOST;
        left -= part.chunks;
        part.rest = (left == 0) ? walk->rest : 0;
        mcuq_gemm_s16_mve_sums(&part, found);
        for (int32_t i = 0; i < 8; i++) {
            sums[i] += found[i];
        }
        part.x0 = &part.x0[16 * part.chunks];
        part.x1 = &part.x1[16 * part.chunks];
        part.weights = &part.weights[32 * part.chunks];
    } while (left > 0);
}

/* The same codes where sums need int64 or values are rounded once: by mcuq_mixed_put, one by one. */
MCUQ_INLINE void mcuq_gemm_s16_mve_slow(const mcuq_gemm_mve_walk *walk, int32_t is_long, int32_t is_wide)
{
    const mcuq_mixed_end end = {walk->y_zero_point, walk->lo, walk->hi, is_long};
    const int32_t size = (is_wide != 0) ? 2 : 1;
    const int32_t count = (int32_t)(walk->y_end - walk->y) / size;
    const int32_t pixels = (walk->y_step == 0) ? 1 : 2;
    for (int32_t c = 0; c < count; c += 4) {
        const int32_t *const four = &walk->channels[3 * c];
        const int32_t lanes = ((count - c) < 4) ? (count - c) : 4;
        int64_t sums[8];
        mcuq_gemm_s16_mve_long(walk, &walk->weights[c * ((8 * walk->chunks) + walk->rest)], four, sums);
        for (int32_t i = 0; i < (lanes * pixels); i++) {
            const int32_t lane = i % lanes;
            const int32_t pixel = i / lanes;
            void *const y = &walk->y[pixel * walk->y_step];
            mcuq_mixed_put(end, y, c + lane, sums[(4 * pixel) + lane], four[4 + lane], four[8 + lane], is_wide);
        }
    }
}

#if !MCUQ_HAS_MVE

MCUQ_KERNEL void mcuq_gemm_s16_mve(const mcuq_gemm_mve_walk *walk)
{
    mcuq_gemm_s16_mve_slow(walk, 0, 1);
}

MCUQ_KERNEL void mcuq_gemm_s16_mve_narrow(const mcuq_gemm_mve_walk *walk)
{
    mcuq_gemm_s16_mve_slow(walk, 0, 0);
}

#endif

#endif
