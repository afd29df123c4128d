/*
 * What kernels of int16 and int32 tensors share: their element types and clamping.
 */
#ifndef MCUQ_WIDE_H
#define MCUQ_WIDE_H

#include "mcuq_common.h"

/*
 * Elements of tensors in the arena, which held elements of other types before: the attribute tells the
 * compiler, so that it keeps the order of accesses.
 */
#if defined(__GNUC__)
typedef int16_t mcuq_int16 __attribute__((may_alias));
typedef int32_t mcuq_int32 __attribute__((may_alias));
#else
typedef int16_t mcuq_int16;
typedef int32_t mcuq_int32;
#endif

/* The value limited to [lo, hi], where -32768 <= lo <= hi <= 32767. */
static inline int16_t mcuq_clamp_s16(int32_t value, int32_t lo, int32_t hi)
{
    const int32_t above = (value < lo) ? lo : value;
    return (int16_t)((above > hi) ? hi : above);
}

#endif
