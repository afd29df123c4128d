/*
 * Average over a window with the input's scale, int8, for cores with DSP instructions: four channels at a time.
 */
#ifndef MCUQ_AVERAGE_POOL_S8_DSP_H
#define MCUQ_AVERAGE_POOL_S8_DSP_H

#include "mcuq_pool_dsp.h"

/* So many codes stay within 16 bits: 256 * -128 is -2^15. */
#define MCUQ_AVERAGE_POOL_S8_DSP_MOST 256

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels].
 * outside: the code that a tap outside the image counts as; counts_outside: whether it counts at all.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t counts_outside;
    int32_t outside;
} mcuq_average_pool_s8_dsp_params;

/*
 * What is added to the sum of the taps inside the image, what the whole is divided by, and half of that; divided by 1
 * where no tap counts: the sum is 0.
 */
typedef struct {
    int32_t begin;
    int32_t count;
    int32_t half;
} mcuq_average_pool_s8_dsp_rest;

/* The mean code, ties away from zero. */
static inline int8_t mcuq_average_pool_s8_dsp_mean(int32_t sum, mcuq_average_pool_s8_dsp_rest rest)
{
    return (int8_t)((sum + ((sum > 0) ? rest.half : -rest.half)) / rest.count);
}

/* Sums of four channels: of the channels 0 and 2, and of 1 and 3, as halves of a word. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} mcuq_average_pool_s8_dsp_halves;

/* Sums of four channels. */
typedef struct {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} mcuq_average_pool_s8_dsp_sums;

/* Sums and halves. */
static inline mcuq_average_pool_s8_dsp_sums mcuq_average_pool_s8_dsp_whole(mcuq_average_pool_s8_dsp_sums sums,
                                                                           mcuq_average_pool_s8_dsp_halves halves)
{
    sums.a += (int16_t)(uint16_t)halves.even;
    sums.b += (int16_t)(uint16_t)halves.odd;
    sums.c += (int16_t)(uint16_t)(halves.even >> 16);
    sums.d += (int16_t)(uint16_t)(halves.odd >> 16);
    return sums;
}

/* Halves and `count` pixels, `step` codes apart. */
static inline mcuq_average_pool_s8_dsp_halves mcuq_average_pool_s8_dsp_add(mcuq_average_pool_s8_dsp_halves halves,
                                                                           const int8_t *x, int32_t step,
                                                                           int32_t count)
{
    int32_t at = 0;
    for (int32_t left = count; left > 0; left--) {
        const uint32_t word = mcuq_load4(&x[at]);
        halves.even = mcuq_sxtab16(halves.even, word);
        halves.odd = mcuq_sxtab16_odd(halves.odd, word);
        at += step;
    }
    return halves;
}

/* Adds a window of more taps than 16 bits hold; x is its first tap. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_average_pool_s8_dsp_many(const mcuq_pool_dsp_window *w, const int8_t *x,
                                                             mcuq_average_pool_s8_dsp_sums *sums)
{
    for (int32_t i = 0; i < w->rows; i++) {
        const int8_t *const row = &x[i * w->row_step];
        for (int32_t done = 0; done < w->cols; done += MCUQ_AVERAGE_POOL_S8_DSP_MOST) {
            const int32_t left = w->cols - done;
            const int32_t some = (left < MCUQ_AVERAGE_POOL_S8_DSP_MOST) ? left : MCUQ_AVERAGE_POOL_S8_DSP_MOST;
            const mcuq_average_pool_s8_dsp_halves none = {0, 0};
            *sums = mcuq_average_pool_s8_dsp_whole(
                *sums, mcuq_average_pool_s8_dsp_add(none, &row[done * w->col_step], w->col_step, some));
        }
    }
}

/* Four channels from c on. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_average_pool_s8_dsp_four(const mcuq_pool_dsp_window *w, int32_t c,
                                                             mcuq_average_pool_s8_dsp_rest rest, int8_t *y)
{
    mcuq_average_pool_s8_dsp_sums sums = {rest.begin, rest.begin, rest.begin, rest.begin};
    if ((w->rows * w->cols) <= MCUQ_AVERAGE_POOL_S8_DSP_MOST) {
        mcuq_average_pool_s8_dsp_halves halves = {0, 0};
        int32_t row = c;
        for (int32_t i = w->rows; i > 0; i--) {
            halves = mcuq_average_pool_s8_dsp_add(halves, &w->x[row], w->col_step, w->cols);
            row += w->row_step;
        }
        sums = mcuq_average_pool_s8_dsp_whole(sums, halves);
    } else {
        mcuq_average_pool_s8_dsp_sums more = sums;
        mcuq_average_pool_s8_dsp_many(w, &w->x[c], &more);
        sums = more;
    }
    y[c] = mcuq_average_pool_s8_dsp_mean(sums.a, rest);
    y[c + 1] = mcuq_average_pool_s8_dsp_mean(sums.b, rest);
    y[c + 2] = mcuq_average_pool_s8_dsp_mean(sums.c, rest);
    y[c + 3] = mcuq_average_pool_s8_dsp_mean(sums.d, rest);
}

/* One channel: of images with fewer than four. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_average_pool_s8_dsp_one(const mcuq_pool_dsp_window *w, int32_t c,
                                                            mcuq_average_pool_s8_dsp_rest rest, int8_t *y)
{
    int32_t sum = rest.begin;
    for (int32_t i = 0; i < w->rows; i++) {
        const int8_t *const row = &w->x[(i * w->row_step) + c];
        int32_t at = 0;
        for (int32_t j = w->cols; j > 0; j--) {
            sum += row[at];
            at += w->col_step;
        }
    }
    y[c] = mcuq_average_pool_s8_dsp_mean(sum, rest);
}

/* All channels of a window. The last four are computed again where channels is no multiple of 4. */
MCUQ_KERNEL void mcuq_average_pool_s8_dsp_pixel(const mcuq_average_pool_s8_dsp_params *p,
                                                const mcuq_pool_dsp_window *w, int8_t *y)
{
    const int32_t inside = w->rows * w->cols;
    const int32_t outside = (p->counts_outside != 0) ? ((p->kernel_h * p->kernel_w) - inside) : 0;
    const int32_t count = inside + outside;
    const mcuq_average_pool_s8_dsp_rest rest = {outside * p->outside, (count == 0) ? 1 : count, count / 2};
    int32_t c = 0;
    for (; (c + 4) <= p->channels; c += 4) {
        mcuq_average_pool_s8_dsp_four(w, c, rest, y);
    }
    if ((c < p->channels) && (p->channels >= 4)) {
        mcuq_average_pool_s8_dsp_four(w, p->channels - 4, rest, y);
        c = p->channels;
    }
    for (; c < p->channels; c++) {
        mcuq_average_pool_s8_dsp_one(w, c, rest, y);
    }
}

/*
 * y = mean over the window of x, codes of one scale
 *
 * y may overlap x where nothing is read any more: pixel by pixel; and within a pixel, a multiple of `channels` codes
 * away, each channel is read before it is written, unless the last four are computed again.
 */
MCUQ_CALLED void mcuq_average_pool_s8_dsp(const mcuq_average_pool_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    mcuq_pool_dsp_window window = {.row_step = p->in_w * p->channels, .col_step = p->channels};
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            const int32_t row = (oy * p->stride_h) - p->pad_top;
            const mcuq_pool_dsp_taps rows = mcuq_pool_dsp_inside(row, p->in_h, p->kernel_h, 1);
            const int32_t first_row = row + rows.first;
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t col = (ox * p->stride_w) - p->pad_left;
                const mcuq_pool_dsp_taps cols = mcuq_pool_dsp_inside(col, p->in_w, p->kernel_w, 1);
                const int32_t first_col = col + cols.first;
                window.rows = (cols.count > 0) ? rows.count : 0;
                window.cols = cols.count;
                window.x = (window.rows > 0) ? &x[((first_row * p->in_w) + first_col) * p->channels] : x;
                mcuq_average_pool_s8_dsp_pixel(p, &window, y);
                y = &y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
