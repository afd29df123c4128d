/*
 * Mean over windows inside the image with an output scale of its own, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_MEAN_S8_DSP_H
#define MCUQ_MEAN_S8_DSP_H

#include "mcuq_element_dsp.h"
#include "mcuq_requantize.h"

/* So many codes stay within 16 bits: 256 * -128 is -2^15. */
#define MCUQ_MEAN_S8_DSP_MOST 256
/* So many sums become codes at once. */
#define MCUQ_MEAN_S8_DSP_SUMS 16

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels].
 * offset: x_zero_point * kernel_h * kernel_w. The multiplier holds the division by the number of taps.
 * is_double: whether the contract is "double" and sums may be doubled behind a left shift.
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
    int32_t offset;
    int32_t multiplier;
    int32_t shift;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    int32_t is_double;
} mcuq_mean_s8_dsp_params;

/* A window: rows and columns of it that lie `step` codes apart, `row` codes from one to the next. */
typedef struct {
    int32_t rows;
    int32_t cols;
    int32_t row;
    int32_t step;
} mcuq_mean_s8_dsp_window;

/* Sums of four channels: of the channels 0 and 2, and of 1 and 3, as halves of a word. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} mcuq_mean_s8_dsp_halves;

/* Codes of `count` sums, before limits of their own. */
static inline void mcuq_mean_s8_dsp_double(const mcuq_mean_s8_dsp_params *p, const int32_t *sums, int32_t count,
                                           int8_t *y)
{
    const int32_t offset = p->offset;
    const int32_t multiplier = p->multiplier;
    const int32_t zero_point = p->y_zero_point;
    const int32_t right = (p->shift < 0) ? -p->shift : 0;
    const int32_t twice = (p->shift < 0) ? 2 : ((int32_t)2 << p->shift);
    /* Without a right shift nothing is rounded a second time, and nothing is added for the sign. */
    const int32_t half = (int32_t)(((uint32_t)1 << right) >> 1);
    const int32_t mask = (right > 0) ? -1 : 0;
    for (int32_t i = 0; i < count; i++) {
        const int32_t v = (sums[i] - offset) * twice;
        y[i] = (int8_t)mcuq_ssat8((mcuq_smmlar(v, multiplier, half + ((v >> 31) & mask)) >> right) + zero_point);
    }
}

/* Codes of `count` sums. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s8_dsp_finish(const mcuq_mean_s8_dsp_params *p, const int32_t *sums,
                                                       int32_t count, int8_t *y)
{
    if (p->is_double != 0) {
        mcuq_mean_s8_dsp_double(p, sums, count, y);
    } else {
        for (int32_t i = 0; i < count; i++) {
            const int32_t value = mcuq_requantize(sums[i] - p->offset, p->multiplier, p->shift);
            y[i] = mcuq_clamp(value + p->y_zero_point, -128, 127);
        }
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        for (int32_t i = 0; i < count; i++) {
            y[i] = mcuq_clamp(y[i], p->lo, p->hi);
        }
    }
}

/* Sums and `count` pixels, `step` codes apart, four at a time. */
static inline mcuq_mean_s8_dsp_halves mcuq_mean_s8_dsp_add(mcuq_mean_s8_dsp_halves sums, const int8_t *x, int32_t step,
                                                           int32_t count)
{
    int32_t at = 0;
    for (; count >= 4; count -= 4) {
        const uint32_t a = mcuq_load4(&x[at]);
        const uint32_t b = mcuq_load4(&x[at + step]);
        const uint32_t c = mcuq_load4(&x[at + (2 * step)]);
        const uint32_t d = mcuq_load4(&x[at + (3 * step)]);
        sums.even = mcuq_sxtab16(mcuq_sxtab16(sums.even, a), b);
        sums.odd = mcuq_sxtab16_odd(mcuq_sxtab16_odd(sums.odd, a), b);
        sums.even = mcuq_sxtab16(mcuq_sxtab16(sums.even, c), d);
        sums.odd = mcuq_sxtab16_odd(mcuq_sxtab16_odd(sums.odd, c), d);
        at += 4 * step;
    }
    for (; count > 0; count--) {
        const uint32_t a = mcuq_load4(&x[at]);
        sums.even = mcuq_sxtab16(sums.even, a);
        sums.odd = mcuq_sxtab16_odd(sums.odd, a);
        at += step;
    }
    return sums;
}

/* Sums of four channels of a window of more pixels than 16 bits hold. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s8_dsp_many(const mcuq_mean_s8_dsp_window *w, const int8_t *x, int32_t sums[4])
{
    (void)memset(sums, 0, 4U * sizeof *sums);
    for (int32_t i = 0; i < w->rows; i++) {
        for (int32_t done = 0; done < w->cols; done += MCUQ_MEAN_S8_DSP_MOST) {
            const int32_t left = w->cols - done;
            const int32_t some = (left < MCUQ_MEAN_S8_DSP_MOST) ? left : MCUQ_MEAN_S8_DSP_MOST;
            const mcuq_mean_s8_dsp_halves none = {0, 0};
            const int8_t *const from = &x[(i * w->row) + (done * w->step)];
            const mcuq_mean_s8_dsp_halves found = mcuq_mean_s8_dsp_add(none, from, w->step, some);
            sums[0] += (int16_t)(uint16_t)found.even;
            sums[1] += (int16_t)(uint16_t)found.odd;
            sums[2] += (int16_t)(uint16_t)(found.even >> 16);
            sums[3] += (int16_t)(uint16_t)(found.odd >> 16);
        }
    }
}

/* Sums of four channels of a window of up to MCUQ_MEAN_S8_DSP_MOST pixels; x is its first element. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s8_dsp_four(const mcuq_mean_s8_dsp_window *w, const int8_t *x, int32_t sums[4])
{
    mcuq_mean_s8_dsp_halves halves = {0, 0};
    int32_t at = 0;
    for (int32_t rows = w->rows; rows > 0; rows--) {
        halves = mcuq_mean_s8_dsp_add(halves, &x[at], w->step, w->cols);
        at += w->row;
    }
    sums[0] = (int16_t)(uint16_t)halves.even;
    sums[1] = (int16_t)(uint16_t)halves.odd;
    sums[2] = (int16_t)(uint16_t)(halves.even >> 16);
    sums[3] = (int16_t)(uint16_t)(halves.odd >> 16);
}

/* The sum of `count` codes that follow each other, up to 512, four at a time: each half of a word adds two. */
static inline int32_t mcuq_mean_s8_dsp_dense(const int8_t *x, int32_t count)
{
    uint32_t halves = 0;
    for (; count >= 4; count -= 4) {
        const uint32_t word = mcuq_load4(x);
        halves = mcuq_sxtab16_odd(mcuq_sxtab16(halves, word), word);
        x = &x[4];
    }
    int32_t sum = (int16_t)(uint16_t)halves + (int16_t)(uint16_t)(halves >> 16);
    for (; count > 0; count--) {
        sum += *x;
        x++;
    }
    return sum;
}

/* The sum of one channel of a window, of images with fewer than four; x is its first element. */
MCUQ_KERNEL MCUQ_NOINLINE int32_t mcuq_mean_s8_dsp_one(const mcuq_mean_s8_dsp_window *w, const int8_t *x)
{
    const int32_t most = 2 * MCUQ_MEAN_S8_DSP_MOST;
    const int32_t step = w->step;
    int32_t sum = 0;
    for (int32_t rows = w->rows; rows > 0; rows--) {
        int32_t at = 0;
        int32_t left = w->cols;
        for (; (step == 1) && (left > 0); left -= most) {
            sum += mcuq_mean_s8_dsp_dense(&x[at], (left < most) ? left : most);
            at += most;
        }
        for (; left > 0; left--) {
            sum += x[at];
            at += step;
        }
        x = &x[(rows > 1) ? w->row : 0];
    }
    return sum;
}

/* Sums of one channel of `count` outputs, whose windows lie `step` codes apart and whose sums lie `apart`. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s8_dsp_ones(const mcuq_mean_s8_dsp_window *w, const int8_t *x, int32_t count,
                                                     int32_t step, int32_t *sums, int32_t apart)
{
    const int32_t cols = w->cols;
    if ((w->rows == 1) && (w->step == 1) && (cols <= (2 * MCUQ_MEAN_S8_DSP_MOST))) {
        for (int32_t i = 0; i < count; i++) {
            sums[i * apart] = mcuq_mean_s8_dsp_dense(&x[i * step], cols);
        }
    } else {
        for (int32_t i = 0; i < count; i++) {
            sums[i * apart] = mcuq_mean_s8_dsp_one(w, &x[i * step]);
        }
    }
}

/* An image of fewer than four channels: rows of outputs, or a column of them as one row. */
MCUQ_KERNEL void mcuq_mean_s8_dsp_few(const mcuq_mean_s8_dsp_params *p, const mcuq_mean_s8_dsp_window *w,
                                      const int8_t *x, int8_t *y)
{
    const int32_t channels = p->channels;
    const int32_t down = p->stride_h * p->in_w * channels;
    const int32_t is_column = (p->out_w == 1) ? 1 : 0;
    const int32_t step = (is_column != 0) ? down : (p->stride_w * channels);
    const int32_t count = (is_column != 0) ? p->out_h : p->out_w;
    const int32_t most = MCUQ_MEAN_S8_DSP_SUMS / channels;
    int32_t sums[MCUQ_MEAN_S8_DSP_SUMS];
    for (int32_t oy = 0; oy < p->out_h; oy += (is_column != 0) ? count : 1) {
        for (int32_t done = 0; done < count; done += most) {
            const int32_t some = ((count - done) < most) ? (count - done) : most;
            for (int32_t c = 0; c < channels; c++) {
                mcuq_mean_s8_dsp_ones(w, &x[(oy * down) + (done * step) + c], some, step, &sums[c], channels);
            }
            mcuq_mean_s8_dsp_finish(p, sums, some * channels, y);
            y = &y[some * channels];
        }
    }
}

/* Up to MCUQ_MEAN_S8_DSP_SUMS channels of a window, four at least; the last four again where that is no multiple. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s8_dsp_some(const mcuq_mean_s8_dsp_params *p,
                                                     const mcuq_mean_s8_dsp_window *w, const int8_t *x, int32_t count,
                                                     int8_t *y)
{
    int32_t sums[MCUQ_MEAN_S8_DSP_SUMS];
    for (int32_t c = 0; c < count; c += 4) {
        const int32_t at = ((c + 4) <= count) ? c : (count - 4);
        if ((w->rows * w->cols) <= MCUQ_MEAN_S8_DSP_MOST) {
            mcuq_mean_s8_dsp_four(w, &x[at], &sums[at]);
        } else {
            mcuq_mean_s8_dsp_many(w, &x[at], &sums[at]);
        }
    }
    mcuq_mean_s8_dsp_finish(p, sums, count, y);
}

/* An image of four channels and more. */
MCUQ_KERNEL void mcuq_mean_s8_dsp_fours(const mcuq_mean_s8_dsp_params *p, const mcuq_mean_s8_dsp_window *w,
                                        const int8_t *x, int8_t *y)
{
    const int32_t channels = p->channels;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        const int8_t *const row = &x[oy * p->stride_h * p->in_w * channels];
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const int8_t *const pixel = &row[ox * p->stride_w * channels];
            int32_t c = 0;
            for (; (c + MCUQ_MEAN_S8_DSP_SUMS) <= channels; c += MCUQ_MEAN_S8_DSP_SUMS) {
                mcuq_mean_s8_dsp_some(p, w, &pixel[c], MCUQ_MEAN_S8_DSP_SUMS, &y[c]);
            }
            if (c < channels) {
                c = ((c + 4) <= channels) ? c : (channels - 4);
                mcuq_mean_s8_dsp_some(p, w, &pixel[c], channels - c, &y[c]);
            }
            y = &y[channels];
        }
    }
}

/*
 * y = clamp(requantize(sum x - offset) + y_zero_point, lo, hi)
 *
 * y may overlap x where nothing is read any more: pixel by pixel; and within a pixel, a multiple of `channels` codes
 * away, each channel is read before it is written, unless it is computed again.
 */
MCUQ_CALLED void mcuq_mean_s8_dsp(const mcuq_mean_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    const int32_t channels = p->channels;
    const int32_t line = p->in_w * channels;
    mcuq_mean_s8_dsp_window window = {p->kernel_h, p->kernel_w, line, channels};
    if (p->kernel_w == p->in_w) { /* rows as wide as the image follow each other */
        window.cols *= window.rows;
        window.rows = 1;
    } else if (p->kernel_w == 1) {
        window = (mcuq_mean_s8_dsp_window){1, p->kernel_h, line, line};
    } else {
        /* row by row */
    }
    for (int32_t image = 0; image < p->n; image++) {
        if (channels < 4) {
            mcuq_mean_s8_dsp_few(p, &window, x, y);
        } else {
            mcuq_mean_s8_dsp_fours(p, &window, x, y);
        }
        x = &x[p->in_h * line];
        y = &y[p->out_h * p->out_w * channels];
    }
}

#endif
