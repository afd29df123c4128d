/*
 * Codes in another order: transpositions and slices, int16.
 */
#ifndef MCUQ_STRIDED_COPY_S16_H
#define MCUQ_STRIDED_COPY_S16_H

#include "mcuq_wide.h"

/*
 * Shapes: y [size_0][size_1][size_2][size_3]; stride_* is the distance in x between neighbours along an axis
 * of y, offset the index in x of y's first element.
 */
typedef struct {
    int32_t size_0;
    int32_t size_1;
    int32_t size_2;
    int32_t size_3;
    int32_t stride_0;
    int32_t stride_1;
    int32_t stride_2;
    int32_t stride_3;
    int32_t offset;
} mcuq_strided_copy_s16_params;

/* y[i][j][k][l] = x[offset + i * stride_0 + j * stride_1 + k * stride_2 + l * stride_3]. No overlap. */
MCUQ_CALLED void mcuq_strided_copy_s16(const mcuq_strided_copy_s16_params *p, const mcuq_int16 *restrict x,
                                      mcuq_int16 *restrict y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const mcuq_int16 *from =
                    &x[p->offset + (i * p->stride_0) + (j * p->stride_1) + (k * p->stride_2)];
                if (p->stride_3 == 1) {
                    (void)memcpy(y, from, (size_t)p->size_3 * sizeof *y);
                } else {
                    for (int32_t l = 0; l < p->size_3; l++) {
                        y[l] = from[l * p->stride_3];
                    }
                }
                y = &y[p->size_3];
            }
        }
    }
}

#endif
