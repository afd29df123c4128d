/*
 * Softmax over rows, int8, for cores with vector instructions (MVE); output scale 1/256, zero point -128.
 */
#ifndef MCUQ_SOFTMAX_S8_MVE_H
#define MCUQ_SOFTMAX_S8_MVE_H

#include "mcuq_mve.h"
#include "mcuq_softmax_s8.h"

/*
 * Shapes: x and y [rows][count], count <= 4095; exponentials [256]: e^(-d * scale) in Q0.31 for the
 * distance d of a code from its row's largest.
 */
typedef mcuq_softmax_s8_params mcuq_softmax_s8_mve_params;

/* A row; what mcuq_softmax_s8_mve_sum finds, and what mcuq_softmax_s8_mve_shares needs of it. */
typedef struct {
    const int32_t *exponentials;
    const int8_t *x;
    int32_t count;
    int8_t *y;
    int32_t largest;
    uint32_t sum;
    int32_t headroom;
    int32_t reciprocal;
} mcuq_softmax_s8_mve_walk;

#if MCUQ_HAS_MVE

/* Assembly text: exponentials of four codes at r1 to q1; r0 = exponentials, r4 = the largest code and 1 more. */
#define MCUQ_SOFTMAX_S8_MVE_FOUR                                                                           \
    "vldrb.s32 q0, [r1], #4\n vmvn q0, q0\n vadd.i32 q0, q0, r4\n vldrw.u32 q1, [r0, q0, uxtw #2]\n"

/* The largest code, the sum of exponentials in Q12.19, and its leading zeros. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_softmax_s8_mve_sum(mcuq_softmax_s8_mve_walk *walk)
{
    MCUQ_REGISTER(mcuq_softmax_s8_mve_walk *, r0, walk);
    __asm__ volatile("push {r4-r6, lr}\n mov r12, r0\n ldm r0, {r0-r2}\n mov r3, r1\n mvn r4, #127\n"
                     "wlstp.8 lr, r2, 2f\n"
                     "1:\n vldrb.u8 q0, [r3], #16\n vmaxv.s8 r4, q0\n letp lr, 1b\n"
                     "2:\n sxtb r4, r4\n str r4, [r12, #16]\n add r4, r4, #1\n movs r6, #0\n wlstp.32 lr, r2, 4f\n"
                     "3:\n" MCUQ_SOFTMAX_S8_MVE_FOUR "vrshr.s32 q1, q1, #12\n vaddva.u32 r6, q1\n letp lr, 3b\n"
                     "4:\n clz r5, r6\n strd r6, r5, [r12, #20]\n pop {r4-r6, lr}\n"
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "cc", "memory");
}

/* y = exponentials times the reciprocal of their sum. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_softmax_s8_mve_shares(const mcuq_softmax_s8_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_softmax_s8_mve_walk *, r0, walk);
    __asm__ volatile("push {r4-r7, lr}\n ldr r6, [r0, #24]\n ldr r7, [r0, #28]\n ldm r0, {r0-r4}\n"
                     "add r4, r4, #1\n sub r6, r6, #35\n mvn r12, #127\n wlstp.32 lr, r2, 2f\n"
                     "1:\n" MCUQ_SOFTMAX_S8_MVE_FOUR "vqrdmulh.s32 q1, q1, r7\n vrshl.s32 q1, r6\n"
                     "vadd.i32 q1, q1, r12\n vqmovnb.s32 q1, q1\n vqmovnb.s16 q1, q1\n"
                     "vstrb.32 q1, [r3], #4\n letp lr, 1b\n"
                     "2:\n pop {r4-r7, lr}\n"
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_softmax_s8_mve_sum(mcuq_softmax_s8_mve_walk *walk)
{
    walk->largest = -128;
    for (int32_t i = 0; i < walk->count; i++) {
        walk->largest = (walk->x[i] > walk->largest) ? walk->x[i] : walk->largest;
    }
    walk->sum = 0U;
    for (int32_t i = 0; i < walk->count; i++) {
        walk->sum += (uint32_t)mcuq_softmax_s8_shift(walk->exponentials[walk->largest - walk->x[i]], 12);
    }
    walk->headroom = 0;
    while (((walk->sum << walk->headroom) & 0x80000000U) == 0U) {
        walk->headroom++;
    }
}

MCUQ_KERNEL void mcuq_softmax_s8_mve_shares(const mcuq_softmax_s8_mve_walk *walk)
{
    for (int32_t i = 0; i < walk->count; i++) {
        const int32_t share = mcuq_softmax_s8_mul(walk->reciprocal, walk->exponentials[walk->largest - walk->x[i]]);
        walk->y[i] = mcuq_clamp(mcuq_softmax_s8_shift(share, 35 - walk->headroom) - 128, -128, 127);
    }
}

#endif

/* y = exp(x) / sum exp(x) along each row. y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_softmax_s8_mve(const mcuq_softmax_s8_mve_params *p, const int8_t *x, int8_t *y)
{
    mcuq_softmax_s8_mve_walk walk = {.exponentials = p->exponentials, .x = x, .count = p->count, .y = y};
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_softmax_s8_mve_sum(&walk); /* at least 2^19, the largest element's share */
        walk.reciprocal = mcuq_softmax_s8_reciprocal((int32_t)((walk.sum << walk.headroom) & 0x7FFFFFFFU));
        mcuq_softmax_s8_mve_shares(&walk);
        walk.x = &walk.x[p->count];
        walk.y = &walk.y[p->count];
    }
}

#endif
