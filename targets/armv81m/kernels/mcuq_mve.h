/*
 * The vector instructions of Armv8.1-M (MVE, "Helium"): where they may be used, and what routines made of them share.
 *
 * Where MCUQ_C_FORMS is defined, every routine is C, so that the same kernels are proven on a computer with sanitizers;
 * both compute the same bits.
 */
#ifndef MCUQ_MVE_H
#define MCUQ_MVE_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

/* Each message says what the folder was built for and what to do; C forms elsewhere would be right, and slow. */
#if !defined(__GNUC__) || defined(__CC_ARM)
#error "mcuq: vector kernels need GCC, Clang or Arm Compiler 6; for others build with --target cortex-m3: plain C99"
#elif defined(MCUQ_C_FORMS)
#define MCUQ_HAS_MVE 0
#elif defined(__ARM_FEATURE_MVE)
#define MCUQ_HAS_MVE 1
#else
#error "mcuq: built for Cortex-M55, compiled for a core without vector instructions (MVE): \
check -mcpu, or build with --target for this core; to test on a computer, define MCUQ_C_FORMS"
#define MCUQ_HAS_MVE 0
#endif

/*
 * A routine in assembly is one statement in a function of its own, never inlined. It takes its arguments in r0 to r3,
 * saves and restores r4 to r11, lr, sp and q4 to q7 itself, and declares what else it changes.
 */

/*
 * Assembly text: four sums in `q`, times multipliers in `by`, shifted by what `shift` holds, which is not positive.
 * Contract "double": VQRDMULH rounds ties upward; VRSHL does too, so negative values that are shifted are lowered by
 * one first, which takes ties away from zero. `t` is overwritten.
 */
#define MCUQ_MVE_ROUND(q, t, by, shift)                                                                    \
    "vqrdmulh.s32 " #q ", " #q ", " #by "\n vand " #t ", " #q ", " #shift "\n vshr.s32 " #t ", " #t ", #31\n" \
    "vadd.i32 " #q ", " #q ", " #t "\n vrshl.s32 " #q ", " #q ", " #shift "\n"

/* The same to codes: `r` holds the zero point, `lo` and `hi` the limits. */
#define MCUQ_MVE_CODES(q, t, by, shift, r, lo, hi)                                                         \
    MCUQ_MVE_ROUND(q, t, by, shift)                                                                        \
    "vadd.i32 " #q ", " #q ", " #r "\n vmax.s32 " #q ", " #q ", " #lo "\n vmin.s32 " #q ", " #q ", " #hi "\n"

#endif
