/*
 * How kernels for cores with DSP instructions take channels of any scale: those for which six instructions are not
 * exact are requantized in full.
 */
#ifndef MCUQ_CHANNEL_DSP_H
#define MCUQ_CHANNEL_DSP_H

#include "mcuq_dsp.h"
#include "mcuq_requantize.h"

/* The shortcut's largest right shift, and what is added to a shift that is not for it. */
#define MCUQ_CHANNEL_DSP_MOST 23
#define MCUQ_CHANNEL_DSP_FULL 64

/*
 * The code of a sum of a channel that is not for the shortcut. right of a channel: 1 to 23, the right shift, where
 * mcuq_requantize_dsp is exact for all its sums; otherwise 64 less the shift, 34 to 95, as here.
 */
static inline int8_t mcuq_channel_dsp_code(int32_t sum, int32_t multiplier, int32_t right, int32_t zero_point,
                                           int32_t lo, int32_t hi)
{
    return mcuq_clamp(mcuq_requantize(sum, multiplier, MCUQ_CHANNEL_DSP_FULL - right) + zero_point, lo, hi);
}

/*
 * Channels that a kernel computes as if they were for the shortcut, and then once more: five words each, number, bias
 * with the input's zero point folded in, multiplier, shift and zero point. A number behind all channels ends them.
 */
#define MCUQ_CHANNEL_DSP_ODD 5

/* The code of such a channel from a sum without its bias. */
static inline int8_t mcuq_channel_dsp_odd(const int32_t *odd, int32_t sum)
{
    return mcuq_clamp(mcuq_requantize(sum + odd[1], odd[2], odd[3]) + odd[4], -128, 127);
}

#endif
