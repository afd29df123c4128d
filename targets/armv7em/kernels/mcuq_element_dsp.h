/*
 * Requantization of single values for cores with DSP instructions: three instructions.
 */
#ifndef MCUQ_ELEMENT_DSP_H
#define MCUQ_ELEMENT_DSP_H

#include "mcuq_dsp.h"

/*
 * A scale: the contract "double" exactly while |value| < 2^30 and 1 <= right <= 30.
 */
typedef struct {
    int32_t multiplier;
    int32_t right;
} mcuq_element_dsp_scale;

/*
 * Half of `twice`, requantized. The sign of the value stands for that of the high half of the product: they differ
 * where that is 0, and then 2^(right - 1) - 1 and 2^(right - 1) are shifted to the same.
 */
static inline int32_t mcuq_element_dsp_scaled(int32_t twice, mcuq_element_dsp_scale scale)
{
    const int32_t half = (int32_t)1 << (scale.right - 1);
    return mcuq_smmlar(twice, scale.multiplier, half + (twice >> 31)) >> scale.right;
}

#endif
