/*
 * Element-wise addition and subtraction for cores with vector instructions (MVE): what all types of elements share.
 */
#ifndef MCUQ_ADD_MVE_H
#define MCUQ_ADD_MVE_H

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
} mcuq_add_mve_params;

#if MCUQ_HAS_MVE

/*
 * Assembly text of a whole routine: four elements at a time, the last ones under the loop's own predicate. `load`,
 * `store` and `step` are text of how elements are read and written and of the bytes of four; they are shifted left by
 * `shift` bits. r0 = parameters, r1 = a, r2 = b, r3 = y.
 */
#define MCUQ_ADD_MVE(load, store, step, shift)                                                             \
    "push {r4-r11, lr}\n vpush {d8-d15}\n"                                                                 \
    "add r12, r0, #36\n ldm r12, {r4-r8}\n vdup.32 q3, r4\n vdup.32 q4, r5\n vdup.32 q5, r6\n"             \
    "vdup.32 q6, r7\n vdup.32 q7, r8\n"                                                                    \
    "add r12, r0, #4\n ldm r12, {r4-r11}\n ldr r12, [r0, #0]\n rsb r4, r4, #0\n rsb r6, r6, #0\n"          \
    "wlstp.32 lr, r12, 2f\n"                                                                               \
    "1:\n vldr" load " q0, [r1], #" step "\n vadd.i32 q0, q0, r4\n vshl.i32 q0, q0, #" shift "\n"          \
    MCUQ_MVE_ROUND(q0, q2, r5, q3)                                                                         \
    "vldr" load " q1, [r2], #" step "\n vadd.i32 q1, q1, r6\n vshl.i32 q1, q1, #" shift "\n"               \
    MCUQ_MVE_ROUND(q1, q2, r7, q4)                                                                         \
    "vmla.s32 q0, q1, r8\n vshl.s32 q0, r9\n" MCUQ_MVE_ROUND(q0, q2, r10, q5)                              \
    "vadd.i32 q0, q0, r11\n vmax.s32 q0, q0, q6\n vmin.s32 q0, q0, q7\n"                                   \
    "vstr" store " q0, [r3], #" step "\n letp lr, 1b\n"                                                    \
    "2:\n vpop {d8-d15}\n pop {r4-r11, lr}\n"

#else

/* The sum of two elements, shifted left by `shift` bits, before it is limited. */
static inline int32_t mcuq_add_mve_value(const mcuq_add_mve_params *p, int32_t a, int32_t b, int32_t shift)
{
    const int32_t one = (int32_t)1 << shift;
    const int32_t left = mcuq_requantize((a - p->a_zero_point) * one, p->a_multiplier, p->a_shift);
    const int32_t right = mcuq_requantize((b - p->b_zero_point) * one, p->b_multiplier, p->b_shift);
    const int32_t sum = left + (p->sign * right);
    return mcuq_requantize(sum, p->y_multiplier, p->y_left + p->y_right) + p->y_zero_point;
}

#endif

#endif
