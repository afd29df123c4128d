/*
 * Nearest-neighbour resizing, int16.
 */
#ifndef MCUQ_RESIZE_NEAREST_S16_H
#define MCUQ_RESIZE_NEAREST_S16_H

#include "mcuq_wide.h"

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
} mcuq_resize_nearest_s16_params;

/* Below so many channels, a loop is shorter than a call that copies them. */
#define MCUQ_RESIZE_NEAREST_S16_FEW 8

/* A row of y from a row of x. */
MCUQ_KERNEL void mcuq_resize_nearest_s16_row(const mcuq_resize_nearest_s16_params *p, const mcuq_int16 *restrict x,
                                            mcuq_int16 *restrict y)
{
    const int16_t *const cols = p->cols;
    const int32_t channels = p->channels;
    if (channels == 1) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            y[ox] = x[cols[ox]];
        }
    } else if (channels < MCUQ_RESIZE_NEAREST_S16_FEW) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const mcuq_int16 *const pixel = &x[cols[ox] * channels];
            for (int32_t c = 0; c < channels; c++) {
                y[c] = pixel[c];
            }
            y = &y[channels];
        }
    } else {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            (void)memcpy(y, &x[cols[ox] * channels], (size_t)channels * sizeof *y);
            y = &y[channels];
        }
    }
}

/* y[n][i][j][c] = x[n][rows[i]][cols[j]][c]. No overlap. */
MCUQ_CALLED void mcuq_resize_nearest_s16(const mcuq_resize_nearest_s16_params *p, const mcuq_int16 *restrict x,
                                        mcuq_int16 *restrict y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            mcuq_resize_nearest_s16_row(p, &x[p->rows[oy] * p->in_w * p->channels], y);
            y = &y[p->out_w * p->channels];
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
