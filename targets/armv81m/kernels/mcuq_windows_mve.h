/*
 * Windows of images brought together, pixel by pixel, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_WINDOWS_MVE_H
#define MCUQ_WINDOWS_MVE_H

#include "mcuq_rows_mve.h"

/*
 * Images [in_h][in_w] of pixels of pixel_bytes, of which a window takes tap_bytes, all of them where is_dense; taps
 * follow each other. is_whole: those of a window lie together in x wherever it does not leave the image. Outside is
 * the byte `outside`.
 */
typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t pixel_bytes;
    int32_t tap_bytes;
    int32_t is_dense;
    int32_t is_whole;
    int32_t outside;
} mcuq_windows_mve_shape;

/*
 * The next window begins at (row, col) of image x; [top, bottom) of its rows lie in the image, and all of it does where
 * col is not beyond [0, inside]. `left` windows are left in the row of outputs.
 */
typedef struct {
    const int8_t *x;
    int32_t row;
    int32_t col;
    int32_t top;
    int32_t bottom;
    int32_t inside;
    int32_t left;
} mcuq_windows_mve;

/* To the row of outputs whose windows begin in `row`. */
MCUQ_KERNEL void mcuq_windows_mve_row(const mcuq_windows_mve_shape *s, mcuq_windows_mve *at, int32_t row)
{
    const int32_t last = ((s->is_dense != 0) && (s->dilation_w == 1)) ? (s->in_w - s->kernel_w) : -1;
    at->row = row;
    at->col = -s->pad_left;
    at->top = mcuq_rows_mve_first(row, s->dilation_h);
    at->bottom = mcuq_rows_mve_last(row, s->in_h, s->dilation_h, s->kernel_h);
    at->inside = ((at->top == 0) && (at->bottom == s->kernel_h)) ? last : -1;
    at->left = s->out_w;
}

/* A window that leaves the image, or one whose taps have others between them. */
MCUQ_KERNEL void mcuq_windows_mve_edge(const mcuq_windows_mve_shape *s, const mcuq_windows_mve *at, int8_t *patch)
{
    const int32_t left = mcuq_rows_mve_first(at->col, s->dilation_w);
    const int32_t right = mcuq_rows_mve_last(at->col, s->in_w, s->dilation_w, s->kernel_w);
    const int32_t line = s->kernel_w * s->tap_bytes;
    mcuq_rows_mve_shape shape = {
        .count = s->tap_bytes,
        .from_step = s->dilation_w * s->pixel_bytes,
        .to_step = s->tap_bytes,
        .rows = right - left,
    };
    if ((s->is_dense != 0) && (s->dilation_w == 1)) {
        shape.count = (right - left) * s->tap_bytes;
        shape.rows = 1;
    }
    mcuq_rows_mve_fill(patch, s->outside, s->kernel_h * line);
    if (left < right) {
        for (int32_t i = at->top; i < at->bottom; i++) {
            const int32_t pixel = ((at->row + (i * s->dilation_h)) * s->in_w) + at->col + (left * s->dilation_w);
            mcuq_rows_mve(&patch[(i * line) + (left * s->tap_bytes)], &at->x[pixel * s->pixel_bytes], &shape);
        }
    }
}

/* The taps of the next window, in x or in `patch`. */
MCUQ_KERNEL const int8_t *mcuq_windows_mve_next(const mcuq_windows_mve_shape *s, mcuq_windows_mve *at, int8_t *patch)
{
    if (at->left == 0) {
        mcuq_windows_mve_row(s, at, at->row + s->stride_h);
    }
    const int32_t first = ((at->row * s->in_w) + at->col) * s->pixel_bytes;
    const int8_t *taps = patch;
    if ((at->col < 0) || (at->col > at->inside)) {
        mcuq_windows_mve_edge(s, at, patch);
    } else if (s->is_whole != 0) {
        taps = &at->x[first];
    } else {
        const int32_t line = s->kernel_w * s->tap_bytes;
        const mcuq_rows_mve_shape whole = {
            .count = line, .from_step = s->dilation_h * s->in_w * s->pixel_bytes, .to_step = line, .rows = s->kernel_h};
        mcuq_rows_mve(patch, &at->x[first], &whole);
    }
    at->col += s->stride_w;
    at->left--;
    return taps;
}

#endif
