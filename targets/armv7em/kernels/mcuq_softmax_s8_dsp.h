/*
 * Softmax over rows, int8, for cores with DSP instructions; output scale 1/256, zero point -128.
 */
#ifndef MCUQ_SOFTMAX_S8_DSP_H
#define MCUQ_SOFTMAX_S8_DSP_H

#include "mcuq_dsp.h"

/*
 * Shapes: x and y [rows][count], count <= 4095; exponentials [256]: e^(-d * scale) in Q0.31 for the distance
 * d = 255, 254, ..., 0 of a code from its row's largest.
 */
typedef struct {
    int32_t rows;
    int32_t count;
    const int32_t *exponentials;
} mcuq_softmax_s8_dsp_params;

/* Rows that are left, and the exponential of a distance of 0, behind those of all others. */
typedef struct {
    const int8_t *x;
    int8_t *y;
    int32_t count;
    const int32_t *last;
    int32_t rows;
} mcuq_softmax_s8_dsp_walk;

#if MCUQ_HAS_UNALIGNED

/* Assembly text: the exponentials of two codes behind `at` as r10 and r11; r6 is that of a code of 0. */
#define MCUQ_SOFTMAX_S8_DSP_TWO(at)                                                                       \
    "ldrsb r10, [" #at "], #1\n ldrsb r11, [" #at "], #1\n"                                             \
    "ldr.w r10, [r6, r10, lsl #2]\n ldr.w r11, [r6, r11, lsl #2]\n"

/* Assembly text: the exponential x becomes a code at r1; r4 = reciprocal, r5 = half, r9 = shift. */
#define MCUQ_SOFTMAX_S8_DSP_SHARE(x)                                                                      \
    "umull r12, " #x ", r4, " #x "\n adds.w r12, r12, #0x40000000\n adc.w " #x ", " #x ", r5\n"               \
    "lsr.w " #x ", " #x ", r9\n usat " #x ", #8, " #x "\n eor.w " #x ", " #x ", #128\n strb " #x ", [r1], #1\n"

/*
 * Rows of at least two codes: 20 cycles a code and 50 a row. Where the shift is by 32 and more, of rows of 512 and more
 * near-equal values, the instruction gives 0, which is right.
 *
 * r0 = x, r1 = y, r2 = count, r3 = last, lr = rows. From 2: on the largest code is r5, from 4: on the sum is r8.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_softmax_s8_dsp_rows(const mcuq_softmax_s8_dsp_walk *w)
{
    MCUQ_REGISTER(const mcuq_softmax_s8_dsp_walk *, r0, w);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldr.w lr, [r0, #16]\n ldm.w r0, {r0-r3}\n"
        "1:\n mov.w r7, r0\n subs.w r4, r2, #4\n blt.w 3f\n"
        "add.w r4, r4, r0\n ldr.w r5, [r4, #0]\n"
        "2:\n ldr r10, [r7], #4\n ssub8 r11, r5, r10\n sel r5, r5, r10\n cmp.w r7, r4\n blo.w 2b\n"
        "ror.w r10, r5, #16\n ssub8 r11, r5, r10\n sel r5, r5, r10\n"
        "ror.w r10, r5, #8\n ssub8 r11, r5, r10\n sel r5, r5, r10\n sxtb.w r5, r5\n b.w 4f\n"
        "3:\n ldrsb r5, [r7], #1\n sub.w r12, r2, #1\n"
        "5:\n ldrsb r10, [r7], #1\n cmp.w r5, r10\n it lt\n movlt.n r5, r10\n subs.w r12, r12, #1\n bne.w 5b\n"
        "4:\n sub.w r6, r3, r5, lsl #2\n mov.w r7, r0\n mov.w r8, #0\n lsr.w r12, r2, #1\n"
        "6:\n" MCUQ_SOFTMAX_S8_DSP_TWO(r7)
        "lsrs.w r10, r10, #12\n adc.w r8, r8, r10\n lsrs.w r11, r11, #12\n adc.w r8, r8, r11\n"
        "subs.w r12, r12, #1\n bne.w 6b\n"
        "tst.w r2, #1\n beq.w 7f\n"
        "ldrsb.w r10, [r7, #0]\n ldr.w r10, [r6, r10, lsl #2]\n lsrs.w r10, r10, #12\n adc.w r8, r8, r10\n"
        "7:\n clz r9, r8\n"
        "lsl.w r8, r8, r9\n lsr.w r8, r8, #1\n movw r10, #0x8788\n movt r10, #0x8787\n mov.w r11, #0x5A5A5A5A\n"
        "smmlar r4, r8, r10, r11\n"
        ".irp step, 1, 2, 3\n lsl.w r10, r4, #1\n smmulr r11, r8, r10\n rsb.w r11, r11, #0x20000000\n"
        "smmulr r11, r10, r11\n add.w r4, r4, r11, lsl #2\n .endr\n"
        "lsl.w r10, r4, #1\n sub.w r4, r10, r4, lsr #30\n"
        "rsb.w r9, r9, #34\n mov.w r5, #1\n lsl.w r5, r5, r9\n lsr.w r5, r5, #1\n lsr.w r7, r2, #1\n"
        "8:\n" MCUQ_SOFTMAX_S8_DSP_TWO(r0) MCUQ_SOFTMAX_S8_DSP_SHARE(r10) MCUQ_SOFTMAX_S8_DSP_SHARE(r11)
        "subs.w r7, r7, #1\n bne.w 8b\n"
        "tst.w r2, #1\n beq.w 9f\n"
        "ldrsb r10, [r0], #1\n ldr.w r10, [r6, r10, lsl #2]\n" MCUQ_SOFTMAX_S8_DSP_SHARE(r10)
        "9:\n subs.w lr, lr, #1\n bne.w 1b\n"
        "pop.w {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

/* What turns exponentials into codes. */
typedef struct {
    uint32_t reciprocal;
    uint32_t half;
    uint32_t shift;
} mcuq_softmax_s8_dsp_scale;

/* An exponential in Q12.19, rounded. */
static inline uint32_t mcuq_softmax_s8_dsp_short(int32_t e)
{
    return ((uint32_t)e + 2048U) >> 12;
}

/* 2^31 / (1 + v), where v is what a sum's leading 32 bits have below the first: see mcuq_softmax_s8_reciprocal. */
static inline uint32_t mcuq_softmax_s8_dsp_reciprocal(uint32_t leading)
{
    const int32_t half = (int32_t)(leading >> 1);
    int32_t x = mcuq_smmlar(half, -2021161080, 1515870810);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t twice = x * 2; /* x is below 2^30 before each step */
        x += mcuq_smmulr(twice, ((int32_t)1 << 29) - mcuq_smmulr(half, twice)) * 4;
    }
    return ((uint32_t)x * 2U) - ((uint32_t)x >> 30);
}

/* The code of an exponential's share. */
static inline int8_t mcuq_softmax_s8_dsp_share(int32_t e, mcuq_softmax_s8_dsp_scale scale)
{
    const uint64_t product = ((uint64_t)scale.reciprocal * (uint32_t)e) + ((uint64_t)1 << 30);
    const uint32_t share = ((uint32_t)(product >> 32) + scale.half) >> scale.shift;
    return (int8_t)((int32_t)((share > 255U) ? 255U : share) - 128);
}

/* One row, code by code. */
static inline void mcuq_softmax_s8_dsp_row(const mcuq_softmax_s8_dsp_walk *w, const int8_t *x, int8_t *y)
{
    int32_t largest = x[0];
    for (int32_t i = 1; i < w->count; i++) {
        largest = (x[i] > largest) ? x[i] : largest;
    }
    uint32_t sum = 0; /* below 2^31 */
    for (int32_t i = 0; i < w->count; i++) {
        sum += mcuq_softmax_s8_dsp_short(w->last[x[i] - largest]);
    }
    uint32_t headroom = 1;
    while (((sum << headroom) & 0x80000000U) == 0U) {
        headroom++;
    }
    if (headroom < 4U) {
        (void)memset(y, -128, (size_t)w->count); /* the shift is by 32 bits and more: 512 and more near-equal values */
        return;
    }
    const uint32_t reciprocal = mcuq_softmax_s8_dsp_reciprocal(sum << headroom);
    const mcuq_softmax_s8_dsp_scale scale = {reciprocal, (uint32_t)1 << (33U - headroom), 34U - headroom};
    for (int32_t i = 0; i < w->count; i++) {
        y[i] = mcuq_softmax_s8_dsp_share(w->last[x[i] - largest], scale);
    }
}

MCUQ_KERNEL void mcuq_softmax_s8_dsp_rows(const mcuq_softmax_s8_dsp_walk *w)
{
    for (int32_t row = 0; row < w->rows; row++) {
        mcuq_softmax_s8_dsp_row(w, &w->x[row * w->count], &w->y[row * w->count]);
    }
}

#endif

/* y = exp(x) / sum exp(x) along each row. y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_softmax_s8_dsp(const mcuq_softmax_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    const mcuq_softmax_s8_dsp_walk walk = {x, y, p->count, &p->exponentials[255], p->rows};
    if (p->count >= 2) {
        mcuq_softmax_s8_dsp_rows(&walk);
    } else {
        (void)memset(y, 127, (size_t)p->rows); /* of one code: all of its row, 256 limited to 255 */
    }
}

#endif
