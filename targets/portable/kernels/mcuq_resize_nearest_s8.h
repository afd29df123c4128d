/*
 * Nearest-neighbour resizing, int8.
 */
#ifndef MCUQ_RESIZE_NEAREST_S8_H
#define MCUQ_RESIZE_NEAREST_S8_H

#include "mcuq_common.h"

/* Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels], rows [out_h], cols [out_w]. */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    const int16_t *rows;
    const int16_t *cols;
} mcuq_resize_nearest_s8_params;

/* y[n][i][j][c] = x[n][rows[i]][cols[j]][c]. No overlap. */
MCUQ_CALLED void mcuq_resize_nearest_s8(const mcuq_resize_nearest_s8_params *p, const int8_t *restrict x,
                                        int8_t *restrict y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t pixel = (p->rows[oy] * p->in_w) + p->cols[ox];
                (void)memcpy(y, &x[pixel * p->channels], (size_t)p->channels);
                y = &y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
