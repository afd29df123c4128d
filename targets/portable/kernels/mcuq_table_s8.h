/*
 * Any function of one code as a table, int8.
 */
#ifndef MCUQ_TABLE_S8_H
#define MCUQ_TABLE_S8_H

#include "mcuq_common.h"

/* Shapes: x and y have count elements; table [256], for codes -128 to 127. */
typedef struct {
    int32_t count;
    const int8_t *table;
} mcuq_table_s8_params;

/* y = table[x + 128]. y may be x; it may not overlap it otherwise. */
MCUQ_CALLED void mcuq_table_s8(const mcuq_table_s8_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = p->table[x[i] + 128];
    }
}

#endif
