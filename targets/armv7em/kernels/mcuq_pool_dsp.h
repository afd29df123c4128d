/*
 * What kernels with windows for DSP cores share: which taps of a window lie inside the image.
 */
#ifndef MCUQ_POOL_DSP_H
#define MCUQ_POOL_DSP_H

#include "mcuq_dsp.h"

/* Along one axis: the first tap inside the image, and how many are; no tap where count is 0. */
typedef struct {
    int32_t first;
    int32_t count;
} mcuq_pool_dsp_taps;

/* Taps inside the image, channel 0 of the first one, and the distances to those beside and below it, in codes. */
typedef struct {
    const int8_t *x;
    int32_t rows;
    int32_t cols;
    int32_t row_step;
    int32_t col_step;
} mcuq_pool_dsp_window;

/* place: of tap 0 in an image of `size`; taps: of the window, `dilation` apart. */
static inline mcuq_pool_dsp_taps mcuq_pool_dsp_inside(int32_t place, int32_t size, int32_t taps, int32_t dilation)
{
    mcuq_pool_dsp_taps found = {0, taps};
    if (place < 0) {
        found.first = (dilation - 1 - place) / dilation;
    }
    if ((place + ((taps - 1) * dilation)) >= size) {
        /* None is inside where the quotient is negative: it rounds to 0 or less. */
        found.count = ((size - place) + (dilation - 1)) / dilation;
    }
    found.count -= found.first;
    found.count = (found.count < 0) ? 0 : found.count;
    return found;
}

#endif
