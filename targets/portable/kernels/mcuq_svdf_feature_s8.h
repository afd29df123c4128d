/*
 * One more feature of every filter in its memory, int8 to int16.
 */
#ifndef MCUQ_SVDF_FEATURE_S8_H
#define MCUQ_SVDF_FEATURE_S8_H

#include "mcuq_requantize.h"
#include "mcuq_wide.h"

/* Shapes: x [rows][in_c], weights [filters][in_c], state and y [rows][filters][memory], the oldest first. */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t filters;
    int32_t memory;
    int32_t x_zero_point;
    int32_t multiplier;
    int32_t shift;
    const int8_t *weights;
} mcuq_svdf_feature_s8_params;

/*
 * y = state without its oldest value of each filter, and
 * clamp(requantize(sum (x - x_zero_point) * w), -32768, 32767) behind it
 *
 * y may be state; nothing overlaps otherwise. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_svdf_feature_s8(const mcuq_svdf_feature_s8_params *p, const int8_t *x, const mcuq_int16 *state,
                                      mcuq_int16 *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t f = 0; f < p->filters; f++) {
            int32_t sum = 0;
            for (int32_t k = 0; k < p->in_c; k++) {
                sum += (x[k] - p->x_zero_point) * w[k];
            }
            mcuq_int16 next = mcuq_clamp_s16(mcuq_requantize(sum, p->multiplier, p->shift), -32768, 32767);
            /* From the newest to the oldest, so that each is read before its place is written. */
            for (int32_t m = p->memory - 1; m >= 0; m--) {
                const mcuq_int16 held = state[m];
                y[m] = next;
                next = held;
            }
            w = &w[p->in_c];
            state = &state[p->memory];
            y = &y[p->memory];
        }
        x = &x[p->in_c];
    }
}

#endif
