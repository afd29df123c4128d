/*
 * Sums of the codes of each channel, int8 to int32.
 */
#ifndef MCUQ_SUM_ROWS_S8_H
#define MCUQ_SUM_ROWS_S8_H

#include "mcuq_common.h"

/* Shapes: x [pixels][channels], y [channels]; 128 * pixels stays in int32. */
typedef struct {
    int32_t pixels;
    int32_t channels;
} mcuq_sum_rows_s8_params;

/* y[c] = sum over i of x[i][c]. x and y do not overlap. */
MCUQ_CALLED void mcuq_sum_rows_s8(const mcuq_sum_rows_s8_params *p, const int8_t *restrict x, int32_t *restrict y)
{
    for (int32_t c = 0; c < p->channels; c++) {
        y[c] = 0;
        for (int32_t i = 0; i < p->pixels; i++) {
            y[c] += x[(i * p->channels) + c];
        }
    }
}

#endif
