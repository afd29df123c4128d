/*
 * Element-wise addition and subtraction, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_ADD_S8_MVE_H
#define MCUQ_ADD_S8_MVE_H

#include "mcuq_add_mve.h"

/* Shapes: a, b and y have count elements; the rest as in mcuq_add_mve.h. */
typedef mcuq_add_mve_params mcuq_add_s8_mve_params;

#if MCUQ_HAS_MVE

/* See mcuq_add_s8_mve; |a - a_zero_point| <= 255: the product stays below 2^28. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s8_mve_run(const mcuq_add_s8_mve_params *p, const int8_t *a, const int8_t *b,
                                                   int8_t *y)
{
    MCUQ_REGISTER(const mcuq_add_s8_mve_params *, r0, p);
    MCUQ_REGISTER(const int8_t *, r1, a);
    MCUQ_REGISTER(const int8_t *, r2, b);
    MCUQ_REGISTER(int8_t *, r3, y);
    __asm__ volatile(MCUQ_ADD_MVE("b.s32", "b.32", "4", "20")
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                     :
                     : "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_add_s8_mve_run(const mcuq_add_s8_mve_params *p, const int8_t *a, const int8_t *b,
                                     int8_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = mcuq_clamp(mcuq_add_mve_value(p, a[i], b[i], 20), p->lo, p->hi);
    }
}

#endif

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^20) + sign * rq_b((b - b_zero_point) * 2^20)) + y_zero_point, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s8_mve(const mcuq_add_s8_mve_params *p, const int8_t *a, const int8_t *b,
                                 int8_t *y)
{
    mcuq_add_s8_mve_run(p, a, b, y);
}

#endif
