/*
 * Index of the last largest code of each row, int8 to int32.
 */
#ifndef MCUQ_ARGMAX_LAST_S8_H
#define MCUQ_ARGMAX_LAST_S8_H

#include "mcuq_common.h"

/* Shapes: x [rows][count], y [rows]. */
typedef struct {
    int32_t rows;
    int32_t count;
} mcuq_argmax_last_s8_params;

/* y = index of the last largest x of each row. No overlap. */
MCUQ_CALLED void mcuq_argmax_last_s8(const mcuq_argmax_last_s8_params *p, const int8_t *x, int32_t *y)
{
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t largest = 0;
        for (int32_t i = 1; i < p->count; i++) {
            largest = (x[i] >= x[largest]) ? i : largest;
        }
        y[row] = largest;
        x = &x[p->count];
    }
}

#endif
