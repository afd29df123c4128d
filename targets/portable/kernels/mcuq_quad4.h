/*
 * Weights of four bits of four channels in two bytes.
 */
#ifndef MCUQ_QUAD4_H
#define MCUQ_QUAD4_H

#include "mcuq_common.h"

/* The weight in the low bits of a byte, -8 to 7. */
MCUQ_INLINE int32_t mcuq_quad4_low(int32_t both)
{
    return (int32_t)((uint32_t)both << 28) >> 28;
}

/* The weight in the high bits of a byte that was read as signed, -8 to 7. */
MCUQ_INLINE int32_t mcuq_quad4_high(int32_t both)
{
    return both >> 4;
}

#endif
