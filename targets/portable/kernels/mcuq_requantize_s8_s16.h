/*
 * Other scale and zero point, int8 to int16.
 */
#ifndef MCUQ_REQUANTIZE_S8_S16_H
#define MCUQ_REQUANTIZE_S8_S16_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/* Shapes: x and y have count elements. */
typedef struct {
    int32_t count;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t multiplier;
    int32_t shift;
} mcuq_requantize_s8_s16_params;

/* y = clamp(requantize(x - x_zero_point) + y_zero_point, -32768, 32767). No overlap. */
MCUQ_CALLED void mcuq_requantize_s8_s16(const mcuq_requantize_s8_s16_params *p, const int8_t *restrict x,
                                        mcuq_int16 *restrict y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t value =
            mcuq_requantize(x[i] - p->x_zero_point, p->multiplier, p->shift) + p->y_zero_point;
        y[i] = mcuq_clamp_s16(value, -32768, 32767);
    }
}

#endif
