/*
 * Parts of whole numbers, int32.
 */
#ifndef MCUQ_STRIDED_COPY_S32_H
#define MCUQ_STRIDED_COPY_S32_H

#include "mcuq_common.h"

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
} mcuq_strided_copy_s32_params;

/* y[i][j][k][l] = x[offset + i * stride_0 + j * stride_1 + k * stride_2 + l * stride_3]. No overlap. */
MCUQ_CALLED void mcuq_strided_copy_s32(const mcuq_strided_copy_s32_params *p, const int32_t *restrict x,
                                      int32_t *restrict y)
{
    for (int32_t i = 0; i < p->size_0; i++) {
        for (int32_t j = 0; j < p->size_1; j++) {
            for (int32_t k = 0; k < p->size_2; k++) {
                const int32_t *from =
                    &x[p->offset + (i * p->stride_0) + (j * p->stride_1) + (k * p->stride_2)];
                for (int32_t l = 0; l < p->size_3; l++) {
                    *y = from[l * p->stride_3];
                    y++;
                }
            }
        }
    }
}

#endif
