/*
 * Sums of the codes of each channel added to others, int8 to int32.
 */
#ifndef MCUQ_ADD_ROWS_S8_H
#define MCUQ_ADD_ROWS_S8_H

#include "mcuq_common.h"

/* Shapes: before [channels], x [pixels][channels], y [channels]; limit + 128 * pixels stays in int32. */
typedef struct {
    int32_t pixels;
    int32_t channels;
    int32_t limit;
} mcuq_add_rows_s8_params;

/*
 * y[c] = clamp(before[c], -limit, limit) + sum over i of x[i][c]
 *
 * y may be an operand, before; it does not overlap x.
 */
MCUQ_CALLED void mcuq_add_rows_s8(const mcuq_add_rows_s8_params *p, const int32_t *before, const int8_t *x,
                                  int32_t *y)
{
    for (int32_t c = 0; c < p->channels; c++) {
        const int32_t most = (before[c] < p->limit) ? before[c] : p->limit;
        y[c] = (most > -p->limit) ? most : -p->limit;
    }
    for (int32_t i = 0; i < p->pixels; i++) {
        for (int32_t c = 0; c < p->channels; c++) {
            y[c] += x[c];
        }
        x = &x[p->channels];
    }
}

#endif
