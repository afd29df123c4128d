/*
 * The product of 2 pixels with all output channels, 4 at a time, 16 codes at once.
 */
#ifndef MCUQ_GEMM_MVE_H
#define MCUQ_GEMM_MVE_H

#include "mcuq_mve.h"

/*
 * x0, x1: codes of two pixels, 16 * chunks + rest of each; the same twice where there is one, then y_step is 0.
 * weights: per four channels 16 * chunks codes as [chunks][4][16], then [4][rest]. Those of four bits have two channels
 * in a byte, the first in its low bits, as [chunks][2][16], then [2][rest], and -1 - chunks stands for chunks.
 * channels: per four channels [4] biases, [4] multipliers and [4] shifts, to the left where positive; has_left says
 * whether any is. Behind the last channel they fill up four, and weights are there, too.
 * y: channel 0 of pixel 0; it ends at y_end, and pixel 1 lies y_step codes on.
 */
typedef struct {
    const int8_t *x0;
    const int8_t *x1;
    int32_t chunks;
    int32_t rest;
    int32_t y_zero_point;
    int32_t y_step;
    const int8_t *y_end;
    int32_t has_left;
    int8_t *y;
    const int32_t *channels;
    const int8_t *weights;
    int32_t lo;
    int32_t hi;
} mcuq_gemm_mve_walk;

/* What chunks is for `codes` of a pixel. */
static inline int32_t mcuq_gemm_mve_chunks(int32_t codes, int32_t is_narrow)
{
    return (is_narrow != 0) ? (-1 - (codes / 16)) : (codes / 16);
}

#if MCUQ_HAS_MVE

/* 16 codes of each pixel: loads and products alternate, so that a core may do both at a time. 56 bytes. */
#define MCUQ_GEMM_MVE_STEP                                                                                 \
    "vldrb.u8 q0, [r1], #16\n vldrb.u8 q2, [r11], #64\n vmladava.s8 r0, q0, q2\n vldrb.u8 q1, [r3], #16\n"  \
    "vmladava.s8 r8, q1, q2\n vldrb.u8 q3, [r11, #-48]\n vmladava.s8 r2, q0, q3\n vldrb.u8 q2, [r11, #-32]\n" \
    "vmladava.s8 r10, q1, q3\n vldrb.u8 q3, [r11, #-16]\n vmladava.s8 r4, q0, q2\n vmladava.s8 r12, q1, q2\n" \
    "vmladava.s8 r6, q0, q3\n vmladava.s8 lr, q1, q3\n"

/* The last codes of a channel, r7 in number: what is not loaded is 0. */
#define MCUQ_GEMM_MVE_REST(a, b)                                                                           \
    "vpst\n vldrbt.u8 q2, [r11]\n add.w r11, r11, r7\n vmladava.s8 " #a ", q0, q2\n vmladava.s8 " #b ", q1, q2\n"

/* Weights of four bits times 16 of two channels, q2 and q3, of their bytes in q2, and products with them. */
#define MCUQ_GEMM_MVE_NARROW(a, b, c, d)                                                                   \
    "vand q3, q2, q7\n vshl.i8 q2, q2, #4\n vmladava.s8 " #c ", q0, q3\n vmladava.s8 " #d ", q1, q3\n"      \
    "vmladava.s8 " #a ", q0, q2\n vmladava.s8 " #b ", q1, q2\n"

/* The codes in q0 and q1 to r5 and r1, as bytes; flags say "greater" where channels are left. */
#define MCUQ_GEMM_MVE_BYTES                                                                                \
    "subs.n r3, r2, r5\n add.n r1, r1, r5\n vctp.32 r3\n vpstt\n vstrbt.32 q0, [r5], #4\n vstrbt.32 q1, [r1]\n" \
    "cmp.n r3, #4\n"

/*
 * Assembly text of the whole routine, with how codes are stored.
 *
 * The stack holds, by offset: 0 x0, 4 x1, 8 chunks, 12 rest, 16 y_zero_point, 20 y_step, 24 y_end, 28 has_left. Sums
 * of channels a to d are in r0, r2, r4, r6 for pixel 0 and in r8, r10, r12, lr for pixel 1; r5 = y, r9 = channels,
 * r11 = weights, q5 and q6 the limits. Two steps a round, an odd number begins with the second. Sums of weights of four
 * bits are 16 times too large, which int32 holds, until the bias is added.
 */
#define MCUQ_GEMM_MVE(store)                                                                               \
    "push {r4-r11, lr}\n vpush {d8-d15}\n"                                                                 \
    "ldrd r1, r2, [r0, #44]\n vdup.32 q5, r1\n vdup.32 q6, r2\n"                                           \
    "ldrd r5, r9, [r0, #32]\n ldr r11, [r0, #40]\n ldm r0, {r1-r4, r6-r8, r10}\n push {r1-r4, r6-r8, r10}\n" \
    ".p2align 2\n"                                                                                         \
    "1:\n ldm.w sp, {r1, r3, r7}\n ldm.w r9, {r0, r2, r4, r6}\n ldm.w r9!, {r8, r10, r12, lr}\n"           \
    "cmp.n r7, #0\n ble.w 7f\n tst.w r7, #1\n bne.n 3f\n"                                                  \
    "2:\n" MCUQ_GEMM_MVE_STEP "3:\n" MCUQ_GEMM_MVE_STEP "subs.n r7, r7, #2\n bgt.n 2b\n"                   \
    "4:\n ldr.n r7, [sp, #12]\n cbz r7, 5f\n vctp.8 r7\n vpstt\n vldrbt.u8 q0, [r1]\n vldrbt.u8 q1, [r3]\n" \
    MCUQ_GEMM_MVE_REST(r0, r8) MCUQ_GEMM_MVE_REST(r2, r10)                                                 \
    MCUQ_GEMM_MVE_REST(r4, r12) MCUQ_GEMM_MVE_REST(r6, lr)                                                 \
    "5:\n vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"                                         \
    "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n"                                            \
    "8:\n add.n r7, sp, #16\n ldm.w r7, {r0-r3}\n vldrw.u32 q2, [r9], #16\n vldrw.u32 q3, [r9], #16\n"     \
    "cbz r3, 6f\n vmov.i32 q7, #0\n vmax.s32 q4, q3, q7\n vshl.s32 q0, q0, q4\n vshl.s32 q1, q1, q4\n"     \
    "vmin.s32 q3, q3, q7\n"                                                                                \
    "6:\n" MCUQ_MVE_CODES(q0, q4, q2, q3, r0, q5, q6) MCUQ_MVE_CODES(q1, q4, q2, q3, r0, q5, q6)           \
    store "bgt.w 1b\n b.n 9f\n"                                                                            \
    "7:\n beq.w 4b\n mvns.n r7, r7\n movs.n r0, #0\n movs.n r2, #0\n movs.n r4, #0\n movs.n r6, #0\n"      \
    "mov.w r8, #0\n mov.w r10, #0\n mov.w r12, #0\n mov.w lr, #0\n vmov.i8 q7, #0xf0\n cbz r7, 4f\n"       \
    "3:\n vldrb.u8 q0, [r1], #16\n vldrb.u8 q1, [r3], #16\n vldrb.u8 q2, [r11], #32\n"                     \
    MCUQ_GEMM_MVE_NARROW(r0, r8, r2, r10) "vldrb.u8 q2, [r11, #-16]\n" MCUQ_GEMM_MVE_NARROW(r4, r12, r6, lr) \
    "subs.n r7, r7, #1\n bgt.n 3b\n"                                                                       \
    "4:\n ldr.n r7, [sp, #12]\n cbz r7, 5f\n vctp.8 r7\n vpsttt\n vldrbt.u8 q0, [r1]\n vldrbt.u8 q1, [r3]\n" \
    "vldrbt.u8 q2, [r11]\n add.w r11, r11, r7\n" MCUQ_GEMM_MVE_NARROW(r0, r8, r2, r10)                     \
    "vpst\n vldrbt.u8 q2, [r11]\n add.w r11, r11, r7\n" MCUQ_GEMM_MVE_NARROW(r4, r12, r6, lr)              \
    "5:\n vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"                                         \
    "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n vldrw.u32 q2, [r9, #-16]\n"                 \
    "vshr.s32 q0, q0, #4\n vshr.s32 q1, q1, #4\n vadd.i32 q0, q0, q2\n vadd.i32 q1, q1, q2\n b.w 8b\n"     \
    "9:\n add sp, sp, #32\n vpop {d8-d15}\n pop {r4-r11, lr}\n"

/* y[pixel * y_step + channel] = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi) */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_mve(const mcuq_gemm_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_MVE(MCUQ_GEMM_MVE_BYTES)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

/* The weight of a channel in a byte. */
static inline int32_t mcuq_gemm_mve_weight(int32_t is_narrow, int32_t byte, int32_t lane)
{
    const int32_t low = (int32_t)((uint32_t)byte << 28) >> 28;
    const int32_t narrow = ((lane % 2) == 0) ? low : (byte >> 4);
    return (is_narrow != 0) ? narrow : byte;
}

/* The sum of products of one channel: lane 0 to 3 of its four, whose weights these are. */
static inline int32_t mcuq_gemm_mve_sum(const mcuq_gemm_mve_walk *walk, const int8_t *x, const int8_t *w, int32_t lane)
{
    const int32_t is_narrow = (walk->chunks < 0) ? 1 : 0;
    const int32_t lanes = 4 >> is_narrow;
    const int32_t at = lane >> is_narrow;
    const int32_t chunks = (is_narrow != 0) ? (-1 - walk->chunks) : walk->chunks;
    int32_t sum = 0;
    for (int32_t chunk = 0; chunk < chunks; chunk++) {
        for (int32_t k = 0; k < 16; k++) {
            sum += x[(16 * chunk) + k] * mcuq_gemm_mve_weight(is_narrow, w[(16 * ((lanes * chunk) + at)) + k], lane);
        }
    }
    for (int32_t k = 0; k < walk->rest; k++) {
        const int32_t byte = w[(16 * lanes * chunks) + (walk->rest * at) + k];
        sum += x[(16 * chunks) + k] * mcuq_gemm_mve_weight(is_narrow, byte, lane);
    }
    return sum;
}

/* What channel c is for a pixel, before it is limited. */
static inline int32_t mcuq_gemm_mve_value(const mcuq_gemm_mve_walk *walk, const int8_t *x, int32_t c)
{
    const int32_t is_narrow = (walk->chunks < 0) ? 1 : 0;
    const int32_t depth = (16 * ((is_narrow != 0) ? (-1 - walk->chunks) : walk->chunks)) + walk->rest;
    const int32_t lane = c % 4;
    const int32_t *const channel = &walk->channels[(12 * (c / 4)) + lane];
    const int32_t sum = mcuq_gemm_mve_sum(walk, x, &walk->weights[((c - lane) * depth) >> is_narrow], lane);
    return mcuq_requantize(channel[0] + sum, channel[4], channel[8]) + walk->y_zero_point;
}

MCUQ_KERNEL void mcuq_gemm_mve(const mcuq_gemm_mve_walk *walk)
{
    const int32_t count = (int32_t)(walk->y_end - walk->y);
    for (int32_t c = 0; c < count; c++) {
        for (int32_t pixel = 0; pixel < ((walk->y_step == 0) ? 1 : 2); pixel++) {
            const int32_t value = mcuq_gemm_mve_value(walk, (pixel == 0) ? walk->x0 : walk->x1, c);
            walk->y[(pixel * walk->y_step) + c] = mcuq_clamp(value, walk->lo, walk->hi);
        }
    }
}

#endif

#endif
