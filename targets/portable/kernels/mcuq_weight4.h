/*
 * Weights of four bits, two in a byte.
 */
#ifndef MCUQ_WEIGHT4_H
#define MCUQ_WEIGHT4_H

#include "mcuq_common.h"

/* Weight `index` of an array of two in each byte, the first in its low bits: -8 to 7. */
static inline int32_t mcuq_weight4(const int8_t *weights, int32_t index)
{
    const uint32_t both = (uint8_t)weights[(uint32_t)index / 2U];
    const uint32_t bits = (((uint32_t)index % 2U) == 0U) ? (both & 15U) : (both >> 4);
    return (int32_t)(bits ^ 8U) - 8;
}

#endif
