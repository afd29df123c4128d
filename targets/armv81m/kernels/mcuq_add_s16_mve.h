/*
 * Element-wise addition and subtraction, int16, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_ADD_S16_MVE_H
#define MCUQ_ADD_S16_MVE_H

#include "mcuq_add_mve.h"
#include "mcuq_wide.h"

/* Shapes: a, b and y have count elements; the rest as in mcuq_add_mve.h. */
typedef mcuq_add_mve_params mcuq_add_s16_mve_params;

#if MCUQ_HAS_MVE

/* See mcuq_add_s16_mve; |a - a_zero_point| < 2^16: the product stays below 2^31. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_add_s16_mve_run(const mcuq_add_s16_mve_params *p, const mcuq_int16 *a,
                                                    const mcuq_int16 *b, mcuq_int16 *y)
{
    MCUQ_REGISTER(const mcuq_add_s16_mve_params *, r0, p);
    MCUQ_REGISTER(const mcuq_int16 *, r1, a);
    MCUQ_REGISTER(const mcuq_int16 *, r2, b);
    MCUQ_REGISTER(mcuq_int16 *, r3, y);
    __asm__ volatile(MCUQ_ADD_MVE("h.s32", "h.32", "8", "15")
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                     :
                     : "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_add_s16_mve_run(const mcuq_add_s16_mve_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                                      mcuq_int16 *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = mcuq_clamp_s16(mcuq_add_mve_value(p, a[i], b[i], 15), p->lo, p->hi);
    }
}

#endif

/*
 * y = clamp(rq_y(rq_a((a - a_zero_point) * 2^15) + sign * rq_b((b - b_zero_point) * 2^15)) + y_zero_point, lo, hi)
 *
 * y may be a or b; it may not overlap them otherwise.
 */
MCUQ_CALLED void mcuq_add_s16_mve(const mcuq_add_s16_mve_params *p, const mcuq_int16 *a, const mcuq_int16 *b,
                                  mcuq_int16 *y)
{
    mcuq_add_s16_mve_run(p, a, b, y);
}

#endif
