/*
 * Codes one after the other along an axis, int16.
 */
#ifndef MCUQ_CONCAT_S16_H
#define MCUQ_CONCAT_S16_H

#include "mcuq_wide.h"

/* Shapes: x[i] [outer][runs[i]], y [outer][sum of runs]; a run is everything from the axis on. */
typedef struct {
    int32_t outer;
    int32_t inputs;
    const int32_t *runs;
} mcuq_concat_s16_params;

/* y = the inputs' runs in turn. y overlaps no input. */
MCUQ_CALLED void mcuq_concat_s16(const mcuq_concat_s16_params *p, const mcuq_int16 *const x[], mcuq_int16 *y)
{
    for (int32_t row = 0; row < p->outer; row++) {
        for (int32_t i = 0; i < p->inputs; i++) {
            const size_t run = (size_t)p->runs[i];
            (void)memcpy(y, &x[i][(size_t)row * run], run * sizeof *y);
            y = &y[run];
        }
    }
}

#endif
