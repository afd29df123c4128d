/*
 * Depthwise convolutions of int16, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_WIDE_MVE_H
#define MCUQ_DEPTHWISE_CONV2D_WIDE_MVE_H

#include "mcuq_taps_mve.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c], out_c = in_c * per_channel; wide_c is out_c filled up to
 * eight. weights [nines][wide_c / 8][9][8]: the taps of a window in nines, filled up with 0; channels as in
 * mcuq_taps_mve.h; places [wide_c]: of each output channel its input's, [8] where per_channel is 1. is_long: as in
 * mcuq_mixed.h. is_slow: that, or values are rounded once. is_run: nine taps or fewer become codes at once.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t per_channel;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t nines;
    int32_t wide_c;
    int32_t is_run;
    int32_t is_slow;
    int32_t is_long;
    int32_t has_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
    const int16_t *places;
} mcuq_depthwise_conv2d_wide_mve_params;

/* A window at (row, col) of image x; codes of 0 stand for taps outside. */
typedef struct {
    const mcuq_int16 *x;
    const mcuq_int16 *zeros;
    int32_t row;
    int32_t col;
} mcuq_depthwise_conv2d_wide_mve_window;

/* Nine taps of a window from `first` on; where there are fewer, the first one stands for the others. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_wide_mve_taps(const mcuq_depthwise_conv2d_wide_mve_params *p,
                                                     const mcuq_depthwise_conv2d_wide_mve_window *window, int32_t first,
                                                     const mcuq_int16 **taps)
{
    int32_t i = first / p->kernel_w;
    int32_t j = first % p->kernel_w;
    for (int32_t tap = 0; tap < MCUQ_TAPS_MVE_NINE; tap++) {
        const int32_t row = window->row + (i * p->dilation_h);
        const int32_t col = window->col + (j * p->dilation_w);
        if (i == p->kernel_h) {
            taps[tap] = taps[0];
            continue;
        }
        const int32_t is_inside = ((row >= 0) && (row < p->in_h) && (col >= 0) && (col < p->in_w)) ? 1 : 0;
        taps[tap] = (is_inside != 0) ? &window->x[((row * p->in_w) + col) * p->in_c] : window->zeros;
        j++;
        if (j == p->kernel_w) {
            j = 0;
            i++;
        }
    }
}

/* How many windows from this one on lie in the image; 1 where it leaves it itself. */
MCUQ_KERNEL int32_t mcuq_depthwise_conv2d_wide_mve_pixels(const mcuq_depthwise_conv2d_wide_mve_params *p,
                                                          const mcuq_depthwise_conv2d_wide_mve_window *window)
{
    const int32_t last_row = window->row + ((p->kernel_h - 1) * p->dilation_h);
    const int32_t behind = p->in_w - (window->col + ((p->kernel_w - 1) * p->dilation_w));
    if ((window->row < 0) || (last_row >= p->in_h) || (window->col < 0) || (behind <= 0)) {
        return 1;
    }
    return ((behind - 1) / p->stride_w) + 1; /* none of which y lacks */
}

/* All channels of some pixels; returns of how many. */
MCUQ_INLINE int32_t mcuq_depthwise_conv2d_wide_mve_run(const mcuq_depthwise_conv2d_wide_mve_params *p,
                                                       const mcuq_depthwise_conv2d_wide_mve_window *window, void *y,
                                                       int32_t is_y_wide)
{
    mcuq_taps_mve_run run = {
        .weights = p->weights,
        .channels = p->channels,
        .count = p->out_c,
        .pixels = mcuq_depthwise_conv2d_wide_mve_pixels(p, window),
        .x_step = 2 * ((p->stride_w * p->in_c) - p->wide_c),
        .y_step = (p->out_c - p->wide_c) * ((is_y_wide != 0) ? 2 : 1),
        .y_zero_point = p->y_zero_point,
        .y = y,
        .lo = p->lo,
        .hi = p->hi,
    };
    mcuq_depthwise_conv2d_wide_mve_taps(p, window, 0, run.taps);
    if (is_y_wide != 0) {
        mcuq_taps_mve_run_halves(&run);
    } else {
        mcuq_taps_mve_run_bytes(&run);
    }
    return run.pixels;
}

/* The sums of all channels of a window. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_wide_mve_sums(const mcuq_depthwise_conv2d_wide_mve_params *p,
                                                     const mcuq_depthwise_conv2d_wide_mve_window *window,
                                                     mcuq_int32 *sums)
{
    mcuq_taps_mve_walk walk = {.weights = p->weights, .sums = sums, .count = p->out_c, .places = p->places};
    mcuq_taps_mve_begin(sums, p->channels, p->out_c, p->is_slow);
    for (int32_t nine = 0; nine < p->nines; nine++) {
        mcuq_depthwise_conv2d_wide_mve_taps(p, window, MCUQ_TAPS_MVE_NINE * nine, walk.taps);
        if (p->per_channel == 1) {
            mcuq_taps_mve_next(&walk);
        } else {
            mcuq_taps_mve_at(&walk);
        }
        walk.weights = &walk.weights[MCUQ_TAPS_MVE_NINE * p->wide_c];
    }
}

/* All channels of a pixel. */
MCUQ_INLINE void mcuq_depthwise_conv2d_wide_mve_pixel(const mcuq_depthwise_conv2d_wide_mve_params *p,
                                                      const mcuq_depthwise_conv2d_wide_mve_window *window, void *y,
                                                      int32_t is_y_wide, mcuq_int32 *sums)
{
    const mcuq_taps_mve_end end = {sums, p->channels, y, p->out_c, p->has_left, p->y_zero_point, p->lo, p->hi};
    mcuq_depthwise_conv2d_wide_mve_sums(p, window, sums);
    if (p->is_slow != 0) {
        mcuq_taps_mve_slow(&end, p->is_long, is_y_wide);
    } else if (is_y_wide != 0) {
        mcuq_taps_mve_halves(&end);
    } else {
        mcuq_taps_mve_bytes(&end);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi)
 *
 * Output channel m reads input channel m / per_channel; taps outside the image add 0. y is int16 or int8, as is said.
 * scratch: wide_c words and in_c halfwords filled up to eight; it overlaps nothing. y may overlap x where nothing is
 * read any more: a pixel's window is read before the pixel is written, in runs eight channels before these eight.
 */
MCUQ_INLINE void mcuq_depthwise_conv2d_wide_mve(const mcuq_depthwise_conv2d_wide_mve_params *p, const mcuq_int16 *x,
                                                void *y, int32_t is_y_wide, int8_t *scratch)
{
    const int32_t line = p->out_c * ((is_y_wide != 0) ? 2 : 1);
    mcuq_int32 *const sums = (mcuq_int32 *)(void *)scratch;
    mcuq_int16 *const zeros = (mcuq_int16 *)(void *)&scratch[4 * p->wide_c];
    mcuq_depthwise_conv2d_wide_mve_window window = {.x = x, .zeros = zeros};
    int8_t *to = y;
    (void)memset(zeros, 0, 2U * (((size_t)p->in_c + 7U) & ~(size_t)7U));
    for (int32_t row = 0; row < (p->n * p->out_h); row++) {
        int32_t pixels = 1;
        window.x = &x[(row / p->out_h) * p->in_h * p->in_w * p->in_c];
        window.row = ((row % p->out_h) * p->stride_h) - p->pad_top;
        for (int32_t ox = 0; ox < p->out_w; ox += pixels) {
            window.col = (ox * p->stride_w) - p->pad_left;
            if (p->is_run != 0) {
                pixels = mcuq_depthwise_conv2d_wide_mve_run(p, &window, to, is_y_wide);
            } else {
                mcuq_depthwise_conv2d_wide_mve_pixel(p, &window, to, is_y_wide, sums);
            }
            to = &to[pixels * line];
        }
    }
}

#endif
