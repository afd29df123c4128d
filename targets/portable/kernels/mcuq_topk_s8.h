/*
 * The largest codes of each row and their indices, int8 and int32.
 */
#ifndef MCUQ_TOPK_S8_H
#define MCUQ_TOPK_S8_H

#include "mcuq_wide.h"

/* Shapes: x [rows][count], y and indices [rows][k], 1 <= k <= count. */
typedef struct {
    int32_t rows;
    int32_t count;
    int32_t k;
} mcuq_topk_s8_params;

/* y = the k largest x of each row, the largest first, of equals the first; indices: where. No overlap. */
MCUQ_CALLED void mcuq_topk_s8(const mcuq_topk_s8_params *p, const int8_t *restrict x, int8_t *restrict y,
                              mcuq_int32 *restrict indices)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t i = 0; i < p->count; i++) {
            int32_t at = (i < p->k) ? i : (p->k - 1);
            /* The last place is free, or a larger code takes it; smaller ones move behind. */
            if ((i < p->k) || (x[i] > y[at])) {
                while ((at > 0) && (x[i] > y[at - 1])) {
                    y[at] = y[at - 1];
                    indices[at] = indices[at - 1];
                    at--;
                }
                y[at] = x[i];
                indices[at] = i;
            }
        }
        x = &x[p->count];
        y = &y[p->k];
        indices = &indices[p->k];
    }
}

#endif
