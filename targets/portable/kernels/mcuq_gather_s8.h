/*
 * Rows of a constant table, int8, by int32 indices.
 */
#ifndef MCUQ_GATHER_S8_H
#define MCUQ_GATHER_S8_H

#include "mcuq_common.h"

/*
 * Shapes: table [outer][rows][inner], x [count], y [outer][count][inner].
 */
typedef struct {
    int32_t outer;
    int32_t rows;
    int32_t inner;
    int32_t count;
    const int8_t *table;
} mcuq_gather_s8_params;

/*
 * y[o][i] = table[o][k], k = clamp(x[i] < 0 ? x[i] + rows : x[i], 0, rows - 1)
 *
 * Negative indices count from the end; those beyond either end take the outermost row, so that nothing
 * outside the table is read whatever x holds. y may not overlap x.
 */
MCUQ_CALLED void mcuq_gather_s8(const mcuq_gather_s8_params *p, const int32_t *x, int8_t *y)
{
    for (int32_t o = 0; o < p->outer; o++) {
        const int8_t *rows = &p->table[o * p->rows * p->inner];
        for (int32_t i = 0; i < p->count; i++) {
            const int32_t index = (x[i] < 0) ? (x[i] + p->rows) : x[i];
            const int32_t above = (index < 0) ? 0 : index;
            const int32_t row = (above < p->rows) ? above : (p->rows - 1);
            memcpy(y, &rows[row * p->inner], (size_t)p->inner);
            y = &y[p->inner];
        }
    }
}

#endif
