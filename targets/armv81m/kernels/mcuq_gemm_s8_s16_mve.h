/*
 * The product of 2 pixels of int8 with all output channels, as int16.
 */
#ifndef MCUQ_GEMM_S8_S16_MVE_H
#define MCUQ_GEMM_S8_S16_MVE_H

#include "mcuq_gemm_mve.h"
#include "mcuq_wide.h"

#if MCUQ_HAS_MVE

/* The codes in q0 and q1 to r5 and r1, as halfwords; flags say "greater" where channels are left. */
#define MCUQ_GEMM_S8_S16_MVE_HALVES                                                                        \
    "subs.n r3, r2, r5\n add.n r1, r1, r5\n lsrs.n r3, r3, #1\n vctp.32 r3\n vpstt\n vstrht.32 q0, [r5], #8\n" \
    "vstrht.32 q1, [r1]\n cmp.n r3, #4\n"

/* As mcuq_gemm_mve, but y is int16; y, y_step and y_end count its bytes. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_s8_s16_mve(const mcuq_gemm_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_GEMM_MVE(MCUQ_GEMM_S8_S16_MVE_HALVES)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_s8_s16_mve(const mcuq_gemm_mve_walk *walk)
{
    mcuq_int16 *const y = (mcuq_int16 *)(void *)walk->y;
    const int32_t count = (int32_t)(walk->y_end - walk->y) / 2;
    for (int32_t c = 0; c < count; c++) {
        for (int32_t pixel = 0; pixel < ((walk->y_step == 0) ? 1 : 2); pixel++) {
            const int32_t value = mcuq_gemm_mve_value(walk, (pixel == 0) ? walk->x0 : walk->x1, c);
            y[(pixel * (walk->y_step / 2)) + c] = mcuq_clamp_s16(value, walk->lo, walk->hi);
        }
    }
}

#endif

#endif
