/*
 * PRelu with a slope per channel, int8.
 */
#ifndef MCUQ_CHANNEL_PRELU_S8_H
#define MCUQ_CHANNEL_PRELU_S8_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

/* Shapes: x and y [rows][channels]; multiplier and shift [channels]. */
typedef struct {
    int32_t rows;
    int32_t channels;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t x_multiplier;
    int32_t x_shift;
    int32_t lo;
    int32_t hi;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_channel_prelu_s8_params;

/*
 * y = clamp(requantize(x - x_zero_point) + y_zero_point, lo, hi), by the channel's scale where x is negative
 *
 * y may be x; it may not overlap it otherwise.
 */
MCUQ_CALLED void mcuq_channel_prelu_s8(const mcuq_channel_prelu_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t c = 0; c < p->channels; c++) {
            const int32_t value = x[c] - p->x_zero_point;
            const int32_t scaled = (value < 0)
                                       ? mcuq_requantize(value, p->multiplier[c], p->shift[c])
                                       : mcuq_requantize(value, p->x_multiplier, p->x_shift);
            y[c] = mcuq_clamp(scaled + p->y_zero_point, p->lo, p->hi);
        }
        x = &x[p->channels];
        y = &y[p->channels];
    }
}

#endif
