/*
 * The product of one pixel of int16 with an even number of fours of output channels, 8 at a time, 8 codes at once.
 */
#ifndef MCUQ_GEMM_ROW_S16_MVE_H
#define MCUQ_GEMM_ROW_S16_MVE_H

#include "mcuq_gemm_s16_mve.h"

#if MCUQ_HAS_MVE

/* 8 codes of the pixel by those of a channel at r3 or r7, whose next chunk lies behind those of three others. */
#define MCUQ_GEMM_ROW_S16_MVE_FOUR(r, a, b, c, d)                                                          \
    "vldrb.s16 q1, [" #r "], #32\n vmladava.s16 " #a ", q0, q1\n vldrb.s16 q2, [" #r ", #-24]\n"            \
    "vmladava.s16 " #b ", q0, q2\n vldrb.s16 q1, [" #r ", #-16]\n vmladava.s16 " #c ", q0, q1\n"            \
    "vldrb.s16 q2, [" #r ", #-8]\n vmladava.s16 " #d ", q0, q2\n"

/* The last codes of a channel, r11 in number: what is not loaded is 0. */
#define MCUQ_GEMM_ROW_S16_MVE_REST(r, a)                                                                   \
    "vpst\n vldrbt.s16 q1, [" #r "]\n add " #r ", " #r ", r11\n vmladava.s16 " #a ", q0, q1\n"

/* Sums in `q` to codes, with multipliers and shifts at these offsets from r9; left shifts where r4 is not 0. */
#define MCUQ_GEMM_ROW_S16_MVE_CODES(q, by, shift, label)                                                   \
    "vldrw.u32 q2, [r9, #" #by "]\n vldrw.u32 q3, [r9, #" #shift "]\n cbz r4, " #label "f\n"               \
    "vmov.i32 q7, #0\n vmax.s32 q4, q3, q7\n vshl.s32 " #q ", " #q ", q4\n vmin.s32 q3, q3, q7\n"          \
    #label ":\n" MCUQ_MVE_CODES(q, q4, q2, q3, r0, q5, q6)

/*
 * Assembly text of a whole routine; `count` makes channels of the bytes in r4, `store` is text that stores q0 and q1.
 *
 * The stack holds, by offset: 0 x0, 4 bytes of four channels' weights, 8 chunks, 12 rest, 16 y_zero_point, 24 y_end,
 * 28 has_left. Sums of the first four are in r0, r2, r4, r6, of the others in r8, r10, r12, lr; r1 is the pixel, r3 and
 * r7 are their weights, r5 = y, r9 = channels, q5 and q6 the limits.
 */
#define MCUQ_GEMM_ROW_S16_MVE(count, store)                                                                \
    "push {r4-r11, lr}\n vpush {d8-d15}\n"                                                                 \
    "ldrd r1, r2, [r0, #44]\n vdup.32 q5, r1\n vdup.32 q6, r2\n"                                           \
    "ldrd r5, r9, [r0, #32]\n ldr r12, [r0, #40]\n ldm r0, {r1-r4, r6-r8, r10}\n"                          \
    "add r2, r4, r3, lsl #3\n lsl r2, r2, #2\n push {r1-r4, r6-r8, r10}\n mov r3, r12\n"                   \
    ".p2align 2\n"                                                                                         \
    "1:\n ldm.w sp, {r1, r7, r11}\n add r7, r7, r3\n ldm.w r9, {r0, r2, r4, r6}\n"                         \
    "add lr, r9, #48\n ldm.w lr, {r8, r10, r12, lr}\n cmp r11, #0\n beq 4f\n"                              \
    "2:\n vldrh.u16 q0, [r1], #16\n" MCUQ_GEMM_ROW_S16_MVE_FOUR(r3, r0, r2, r4, r6)                        \
    MCUQ_GEMM_ROW_S16_MVE_FOUR(r7, r8, r10, r12, lr) "subs r11, r11, #1\n bgt 2b\n"                        \
    "4:\n ldr r11, [sp, #12]\n cmp r11, #0\n beq 5f\n vctp.16 r11\n vpst\n vldrht.u16 q0, [r1]\n"          \
    MCUQ_GEMM_ROW_S16_MVE_REST(r3, r0) MCUQ_GEMM_ROW_S16_MVE_REST(r3, r2)                                  \
    MCUQ_GEMM_ROW_S16_MVE_REST(r3, r4) MCUQ_GEMM_ROW_S16_MVE_REST(r3, r6)                                  \
    MCUQ_GEMM_ROW_S16_MVE_REST(r7, r8) MCUQ_GEMM_ROW_S16_MVE_REST(r7, r10)                                 \
    MCUQ_GEMM_ROW_S16_MVE_REST(r7, r12) MCUQ_GEMM_ROW_S16_MVE_REST(r7, lr)                                 \
    "5:\n mov r3, r7\n vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n"                            \
    "vmov q1[2], q1[0], r8, r12\n vmov q1[3], q1[1], r10, lr\n"                                            \
    "ldr r0, [sp, #16]\n ldrd r2, r4, [sp, #24]\n"                                                         \
    MCUQ_GEMM_ROW_S16_MVE_CODES(q0, 16, 32, 6) MCUQ_GEMM_ROW_S16_MVE_CODES(q1, 64, 80, 7)                  \
    "add r9, r9, #96\n subs r4, r2, r5\n" count store "bgt.w 1b\n"                                         \
    "add sp, sp, #32\n vpop {d8-d15}\n pop {r4-r11, lr}\n"

/* Assembly text: r4 channels, more than four of them, as halfwords and as bytes. */
#define MCUQ_GEMM_ROW_S16_MVE_HALVES                                                                       \
    "vctp.32 r4\n vpst\n vstrht.32 q0, [r5], #8\n subs r4, r4, #4\n vctp.32 r4\n vpst\n"                    \
    "vstrht.32 q1, [r5], #8\n cmp r4, #4\n"
#define MCUQ_GEMM_ROW_S16_MVE_BYTES                                                                        \
    "vctp.32 r4\n vpst\n vstrbt.32 q0, [r5], #4\n subs r4, r4, #4\n vctp.32 r4\n vpst\n"                    \
    "vstrbt.32 q1, [r5], #4\n cmp r4, #4\n"

/* y[channel] = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), int16; x1 and y_step are not read. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_row_s16_mve(const mcuq_gemm_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_ROW_S16_MVE("lsrs r4, r4, #1\n", MCUQ_GEMM_ROW_S16_MVE_HALVES)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* The same, int8. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_row_s16_mve_narrow(const mcuq_gemm_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_ROW_S16_MVE("", MCUQ_GEMM_ROW_S16_MVE_BYTES)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_row_s16_mve(const mcuq_gemm_mve_walk *walk)
{
    mcuq_gemm_s16_mve_slow(walk, 0, 1);
}

MCUQ_KERNEL void mcuq_gemm_row_s16_mve_narrow(const mcuq_gemm_mve_walk *walk)
{
    mcuq_gemm_s16_mve_slow(walk, 0, 0);
}

#endif

#endif
