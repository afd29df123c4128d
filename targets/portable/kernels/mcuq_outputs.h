/*
 * The codes of sums that blocks of products have left.
 */
#ifndef MCUQ_OUTPUTS_H
#define MCUQ_OUTPUTS_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/* How sums become codes: multiplier and shift of each channel, and what is the same for all of them. */
typedef struct {
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_outputs;

/* Sums [channels][width], of which the first `count` of each are stored, those of one channel `step` apart. */
typedef struct {
    const int32_t *sums;
    int32_t width;
    int32_t count;
    int32_t step;
} mcuq_outputs_block;

/* y[c + i * step] = clamp(requantize(sums[c][i]) + zero_point, lo, hi) for one or more channels from `first` on. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_outputs_store(const mcuq_outputs *to, int32_t first, int32_t channels,
                                                  const mcuq_outputs_block *block, int8_t *y)
{
    const int32_t zero_point = to->zero_point;
    const int32_t lo = to->lo;
    const int32_t hi = to->hi;
    const int32_t width = block->width;
    for (int32_t i = 0; i < block->count; i++) {
        const int32_t *multiplier = &to->multiplier[first];
        const int8_t *shift = &to->shift[first];
        const int32_t *sum = &block->sums[i];
        int8_t *at = &y[i * block->step];
        const int8_t *const last = &at[channels - 1];
        for (;;) {
            const int32_t value = mcuq_requantize(*sum, *multiplier, *shift) + zero_point;
            const int32_t above = (value < lo) ? lo : value;
            *at = (int8_t)((above > hi) ? hi : above);
            if (at == last) {
                break; /* a step behind the last sum would leave the block */
            }
            sum = &sum[width];
            multiplier = &multiplier[1];
            shift = &shift[1];
            at = &at[1];
        }
    }
}

/* y[i * step] = clamp(requantize(sums[i]) + zero_point, lo, hi) for one or more sums of one channel. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_outputs_line(const mcuq_outputs *to, int32_t channel, const mcuq_int32 *sums,
                                                 int32_t count, int8_t *y, int32_t step)
{
    const int32_t multiplier = to->multiplier[channel];
    const int32_t shift = to->shift[channel];
    const int32_t zero_point = to->zero_point;
    const int32_t lo = to->lo;
    const int32_t hi = to->hi;
    const mcuq_int32 *const last = &sums[count - 1];
    for (;; sums = &sums[1]) {
        const int32_t value = mcuq_requantize(*sums, multiplier, shift) + zero_point;
        const int32_t above = (value < lo) ? lo : value;
        *y = (int8_t)((above > hi) ? hi : above);
        if (sums == last) {
            break; /* a step behind the last output would leave y */
        }
        y = &y[step];
    }
}

#endif
