/*
 * Element-wise addition and subtraction, int16, for cores with DSP instructions.
 */
#ifndef MCUQ_ADD_S16_DSP_H
#define MCUQ_ADD_S16_DSP_H

#include "mcuq_halves_dsp.h"

/*
 * Shapes: a, b and y have count elements; all zero points are 0. a_right and b_right: right shifts of the operands, 0
 * to 31, *_half: half a step of each, 0 where the shift is 0; y_right: 1 to 23, y_half. exact: 1 where a, 2 where b is
 * multiplied by 2^30 and not shifted, the other operand is shifted, it is a sum, and limits are those of int16, or 0
 * and 32767; else 0.
 */
typedef struct {
    int32_t count;
    int32_t sign;
    int32_t a_multiplier;
    int32_t a_right;
    int32_t a_half;
    int32_t b_multiplier;
    int32_t b_right;
    int32_t b_half;
    int32_t y_multiplier;
    int32_t y_right;
    int32_t y_half;
    int32_t lo;
    int32_t hi;
    int32_t exact;
} mcuq_add_s16_dsp_params;

/*
 * x: codes that count 2^14 times, to x_end: a multiple of 4, at least 4. other: as many, with their scale; y.
 * tap: 2^14. y_*: the scale of the sums.
 */
typedef struct {
    const mcuq_int16 *x;
    const mcuq_int16 *other;
    mcuq_int16 *y;
    int32_t multiplier;
    int32_t right;
    int32_t half;
    int32_t tap;
    int32_t y_multiplier;
    int32_t y_right;
    int32_t y_half;
    int32_t is_positive;
    const mcuq_int16 *x_end;
} mcuq_add_s16_dsp_walk;

#if MCUQ_HAS_UNALIGNED

/* A code of the other operand in the high half of v as an operand; then the sum with that of x by `product`. */
#define MCUQ_ADD_S16_DSP_SUM(v, product)                                                                    \
    "add lr, r5, " #v ", asr #31\n smmlar " #v ", " #v ", r3, lr\n asr " #v ", " #v ", r4\n"                  \
    #product " " #v ", r10, r6, " #v "\n"

/* It as a code. Codes from 0 on need no sign. */
#define MCUQ_ADD_S16_DSP_ALL(v)                                                                             \
    "add lr, r9, " #v ", asr #31\n lsl " #v ", " #v ", #1\n smmlar " #v ", " #v ", r7, lr\n"                  \
    "asr " #v ", " #v ", r8\n ssat " #v ", #16, " #v "\n"
#define MCUQ_ADD_S16_DSP_POSITIVE(v)                                                                        \
    "lsl " #v ", " #v ", #1\n smmlar " #v ", " #v ", r7, r9\n asr " #v ", " #v ", r8\n"                      \
    "usat " #v ", #15, " #v "\n"

/* Two codes of each operand in r10 and r11. */
#define MCUQ_ADD_S16_DSP_TWO(code)                                                                          \
    "ldr r10, [r0], #4\n ldr r11, [r1], #4\n lsl r12, r11, #16\n bfc r11, #0, #16\n"                        \
    MCUQ_ADD_S16_DSP_SUM(r12, smlabb) MCUQ_ADD_S16_DSP_SUM(r11, smlatb) code(r12) code(r11)                  \
    "pkhbt r12, r12, r11, lsl #16\n str r12, [r2], #4\n"

/* All codes, in 25 cycles for two, 27 where some are negative. r0 = walk. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s16_dsp_exact(const mcuq_add_s16_dsp_walk *walk)
{
    MCUQ_REGISTER(const mcuq_add_s16_dsp_walk *, r0, walk);
    __asm__ volatile("push {r4-r11, lr}\n ldr r12, [r0, #44]\n push {r11, r12}\n ldr r12, [r0, #40]\n"
                     "ldm r0, {r0-r9}\n cmp r12, #0\n bne 2f\n"
                     ".p2align 2\n"
                     "1:\n" MCUQ_ADD_S16_DSP_TWO(MCUQ_ADD_S16_DSP_ALL) MCUQ_ADD_S16_DSP_TWO(MCUQ_ADD_S16_DSP_ALL)
                     "ldr lr, [sp, #4]\n cmp r0, lr\n bne.w 1b\n b 3f\n"
                     ".p2align 2\n"
                     "2:\n" MCUQ_ADD_S16_DSP_TWO(MCUQ_ADD_S16_DSP_POSITIVE)
                     MCUQ_ADD_S16_DSP_TWO(MCUQ_ADD_S16_DSP_POSITIVE)
                     "ldr lr, [sp, #4]\n cmp r0, lr\n bne.w 2b\n"
                     "3:\n add sp, sp, #8\n pop {r4-r11, lr}\n"
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_add_s16_dsp_exact(const mcuq_add_s16_dsp_walk *walk)
{
    for (int32_t i = 0; &walk->x[i] != walk->x_end; i++) {
        const int32_t code = (int32_t)((uint32_t)(int32_t)walk->other[i] << 16);
        const int32_t operand = mcuq_smmlar(code, walk->multiplier, walk->half + (code >> 31)) >> walk->right;
        const int32_t sum = (walk->x[i] * walk->tap) + operand;
        const int32_t sign = (walk->is_positive != 0) ? 0 : (sum >> 31);
        const int32_t scaled = mcuq_smmlar(sum * 2, walk->y_multiplier, walk->y_half + sign) >> walk->y_right;
        walk->y[i] = mcuq_clamp_s16(scaled, (walk->is_positive != 0) ? 0 : -32768, 32767);
    }
}

#endif

/* As many codes as come in fours, where one operand is exact; returns how many. */
MCUQ_KERNEL int32_t mcuq_add_s16_dsp_fours(const mcuq_add_s16_dsp_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                                           mcuq_int16 *y)
{
    const int32_t count = ((p->exact == 0) || (p->count < 4)) ? 0 : (p->count & ~3);
    const int32_t is_first = (p->exact == 1);
    mcuq_add_s16_dsp_walk walk;
    walk.x = (is_first != 0) ? a : b;
    walk.other = (is_first != 0) ? b : a;
    walk.y = y;
    walk.multiplier = (is_first != 0) ? p->b_multiplier : p->a_multiplier;
    walk.right = (is_first != 0) ? p->b_right : p->a_right;
    walk.half = (is_first != 0) ? p->b_half : p->a_half;
    walk.tap = (int32_t)1 << 14;
    walk.y_multiplier = p->y_multiplier;
    walk.y_right = p->y_right;
    walk.y_half = p->y_half;
    walk.is_positive = (p->lo == 0) ? 1 : 0;
    walk.x_end = &walk.x[count];
    if (count > 0) {
        mcuq_add_s16_dsp_exact(&walk);
    }
    return count;
}

/* An operand whose code is in the high half of x, requantized; without a right shift there is nothing to round. */
MCUQ_INLINE int32_t mcuq_add_s16_dsp_operand(int32_t x, int32_t multiplier, int32_t right, int32_t half)
{
    const int32_t high = mcuq_smmulr(x, multiplier);
    return (right == 0) ? high : ((high + (high >> 31) + half) >> right);
}

MCUQ_INLINE int16_t mcuq_add_s16_dsp_one(const mcuq_add_s16_dsp_params *p, int32_t a, int32_t b)
{
    const int32_t left = mcuq_add_s16_dsp_operand(a, p->a_multiplier, p->a_right, p->a_half);
    const int32_t right = mcuq_add_s16_dsp_operand(b, p->b_multiplier, p->b_right, p->b_half);
    const int32_t sum = left + (p->sign * right);
    const int32_t code = mcuq_smmlar(sum * 2, p->y_multiplier, p->y_half + (sum >> 31)) >> p->y_right;
    return mcuq_clamp_s16(code, p->lo, p->hi);
}

/*
 * y = clamp(rq_y(rq_a(a * 2^15) + sign * rq_b(b * 2^15)), lo, hi), sign 1 or -1
 *
 * The code of a, in the high half of a word, is twice a * 2^15: that is what the high half of a product takes. Operands
 * are scaled down, so that sums lie in [-2^30, 2^30). y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s16_dsp(const mcuq_add_s16_dsp_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                                  mcuq_int16 *y)
{
    const mcuq_add_s16_dsp_params q = *p;
    int32_t i = mcuq_add_s16_dsp_fours(p, a, b, y);
    for (; i < (q.count - 1); i += 2) {
        const uint32_t first = mcuq_load_two(&a[i], 1);
        const uint32_t second = mcuq_load_two(&b[i], 1);
        y[i] = mcuq_add_s16_dsp_one(&q, (int32_t)(first << 16), (int32_t)(second << 16));
        y[i + 1] = mcuq_add_s16_dsp_one(&q, (int32_t)(first & 0xFFFF0000U), (int32_t)(second & 0xFFFF0000U));
    }
    if (i < q.count) {
        const uint32_t first = (uint32_t)(int32_t)a[i] << 16;
        const uint32_t second = (uint32_t)(int32_t)b[i] << 16;
        y[i] = mcuq_add_s16_dsp_one(&q, (int32_t)first, (int32_t)second);
    }
}

#endif
