/*
 * Element-wise addition and subtraction, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_ADD_S8_MVE_H
#define MCUQ_ADD_S8_MVE_H

#include "mcuq_mve.h"

/*
 * Shapes: a, b and y have count elements. sign: 1 or -1. The operands' shifts are not positive. y_left and y_right:
 * the output's shift, whichever of them it is, the other one 0.
 */
typedef struct {
    int32_t count;
    int32_t a_zero_point;
    int32_t a_multiplier;
    int32_t b_zero_point;
    int32_t b_multiplier;
    int32_t sign;
    int32_t y_left;
    int32_t y_multiplier;
    int32_t y_zero_point;
    int32_t a_shift;
    int32_t b_shift;
    int32_t y_right;
    int32_t lo;
    int32_t hi;
} mcuq_add_s8_mve_params;

#if MCUQ_HAS_MVE

/* Four elements at a time, the last ones under the loop's own predicate; see mcuq_add_s8_mve. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_mve_run(const mcuq_add_s8_mve_params *p, const int8_t *a, const int8_t *b,
                                                   int8_t *y)
{
    MCUQ_REGISTER(const mcuq_add_s8_mve_params *, r0, p);
    MCUQ_REGISTER(const int8_t *, r1, a);
    MCUQ_REGISTER(const int8_t *, r2, b);
    MCUQ_REGISTER(int8_t *, r3, y);
    __asm__ volatile(
        "push {r4-r11, lr}\n vpush {d8-d15}\n"
        "add r12, r0, #36\n ldm r12, {r4-r8}\n vdup.32 q3, r4\n vdup.32 q4, r5\n vdup.32 q5, r6\n vdup.32 q6, r7\n"
        "vdup.32 q7, r8\n"
        "add r12, r0, #4\n ldm r12, {r4-r11}\n ldr r12, [r0, #0]\n rsb r4, r4, #0\n rsb r6, r6, #0\n"
        "wlstp.32 lr, r12, 2f\n"
        "1:\n vldrb.s32 q0, [r1], #4\n vadd.i32 q0, q0, r4\n vshl.i32 q0, q0, #20\n" MCUQ_MVE_ROUND(q0, q2, r5, q3)
        "vldrb.s32 q1, [r2], #4\n vadd.i32 q1, q1, r6\n vshl.i32 q1, q1, #20\n" MCUQ_MVE_ROUND(q1, q2, r7, q4)
        "vmla.s32 q0, q1, r8\n vshl.s32 q0, r9\n" MCUQ_MVE_ROUND(q0, q2, r10, q5)
        "vadd.i32 q0, q0, r11\n vmax.s32 q0, q0, q6\n vmin.s32 q0, q0, q7\n vstrb.32 q0, [r3], #4\n letp lr, 1b\n"
        "2:\n vpop {d8-d15}\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_add_s8_mve_run(const mcuq_add_s8_mve_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const int32_t one = (int32_t)1 << 20; /* |a - a_zero_point| <= 255: the product stays below 2^28 */
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t left = mcuq_requantize((a[i] - p->a_zero_point) * one, p->a_multiplier, p->a_shift);
        const int32_t right = mcuq_requantize((b[i] - p->b_zero_point) * one, p->b_multiplier, p->b_shift);
        const int32_t sum = left + (p->sign * right);
        const int32_t value = mcuq_requantize(sum, p->y_multiplier, p->y_left + p->y_right);
        y[i] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
    }
}

#endif

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^20) + sign * rq_b((b - b_zero_point) * 2^20)) + y_zero_point, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s8_mve(const mcuq_add_s8_mve_params *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    mcuq_add_s8_mve_run(p, a, b, y);
}

#endif
