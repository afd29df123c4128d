/*
 * Scale and shift of features, int8 to int8.
 */
#ifndef MCUQ_FEATURE_SCALE_S8_H
#define MCUQ_FEATURE_SCALE_S8_H

#include "mcuq_common.h"
#include "mcuq_requantize.h"

/* Shapes: x and y [rows][features], offset, multiplier and shift [features]. */
typedef struct {
    int32_t rows;
    int32_t features;
    int32_t y_zero_point;
    const int32_t *offset;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_feature_scale_s8_params;

/* y = clamp(requantize(x - offset[f]) + y_zero_point, -128, 127), each feature f with its own scale. No overlap. */
MCUQ_CALLED void mcuq_feature_scale_s8(const mcuq_feature_scale_s8_params *p, const int8_t *restrict x,
                                       int8_t *restrict y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t f = 0; f < p->features; f++) {
            const int32_t value = mcuq_requantize(x[f] - p->offset[f], p->multiplier[f], p->shift[f]);
            y[f] = mcuq_clamp(value + p->y_zero_point, -128, 127);
        }
        x = &x[p->features];
        y = &y[p->features];
    }
}

#endif
