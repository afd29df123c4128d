/*
 * Mean over windows inside the image with an output scale of its own, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_MEAN_S8_DSP_H
#define MCUQ_MEAN_S8_DSP_H

#include "mcuq_dsp.h"
#include "mcuq_requantize.h"

/* So many codes stay within 16 bits: 256 * -128 is -2^15. */
#define MCUQ_MEAN_S8_DSP_MOST 256

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; channels is at least 4.
 * offset: x_zero_point * kernel_h * kernel_w. The multiplier holds the division by the number of taps.
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
} mcuq_mean_s8_dsp_params;

/* Sums of four channels: of the channels 0 and 2, and of 1 and 3, as halves of a word. */
typedef struct {
    uint32_t even;
    uint32_t odd;
} mcuq_mean_s8_dsp_halves;

/* Up to MCUQ_MEAN_S8_DSP_MOST pixels, `step` bytes apart, of four channels; four pixels at a time. */
static inline mcuq_mean_s8_dsp_halves mcuq_mean_s8_dsp_some(const int8_t *x, int32_t step, int32_t some)
{
    mcuq_mean_s8_dsp_halves sums = {0, 0};
    int32_t at = 0;
    for (; some >= 4; some -= 4) {
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
    for (; some > 0; some--) {
        const uint32_t a = mcuq_load4(&x[at]);
        sums.even = mcuq_sxtab16(sums.even, a);
        sums.odd = mcuq_sxtab16_odd(sums.odd, a);
        at += step;
    }
    return sums;
}

/* Adds `count` pixels, `step` bytes apart, of four channels to sums. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s8_dsp_pixels(const int8_t *x, int32_t step, int32_t count,
                                                       int32_t sums[4])
{
    for (int32_t first = 0; first < count; first += MCUQ_MEAN_S8_DSP_MOST) {
        const int32_t left = count - first;
        const int32_t some = (left < MCUQ_MEAN_S8_DSP_MOST) ? left : MCUQ_MEAN_S8_DSP_MOST;
        const mcuq_mean_s8_dsp_halves found = mcuq_mean_s8_dsp_some(&x[first * step], step, some);
        sums[0] += (int16_t)(uint16_t)found.even;
        sums[1] += (int16_t)(uint16_t)found.odd;
        sums[2] += (int16_t)(uint16_t)(found.even >> 16);
        sums[3] += (int16_t)(uint16_t)(found.odd >> 16);
    }
}

/* Four channels of a window; x is its first element. */
MCUQ_KERNEL void mcuq_mean_s8_dsp_four(const mcuq_mean_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    /* Rows as wide as the image follow each other. */
    const int32_t is_one = (p->kernel_w == p->in_w);
    const int32_t rows = (is_one != 0) ? 1 : p->kernel_h;
    const int32_t cols = (is_one != 0) ? (p->kernel_h * p->kernel_w) : p->kernel_w;
    int32_t sums[4] = {-p->offset, -p->offset, -p->offset, -p->offset};
    for (int32_t i = 0; i < rows; i++) {
        mcuq_mean_s8_dsp_pixels(&x[i * p->in_w * p->channels], p->channels, cols, sums);
    }
    for (int32_t i = 0; i < 4; i++) {
        const int32_t value = mcuq_requantize(sums[i], p->multiplier, p->shift);
        y[i] = mcuq_clamp(value + p->y_zero_point, p->lo, p->hi);
    }
}

/*
 * y = clamp(requantize(sum x - offset) + y_zero_point, lo, hi)
 *
 * The last four channels are computed again where channels is no multiple of 4. y may overlap x where nothing is read
 * any more: pixel by pixel; and within a pixel, a multiple of `channels` codes away, each channel is read before it is
 * written, unless it is computed again.
 */
MCUQ_CALLED void mcuq_mean_s8_dsp(const mcuq_mean_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    const int32_t last = p->channels - 4;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int8_t *window =
                    &x[(((oy * p->stride_h) * p->in_w) + (ox * p->stride_w)) * p->channels];
                for (int32_t c = 0; c < last; c += 4) {
                    mcuq_mean_s8_dsp_four(p, &window[c], &y[c]);
                }
                mcuq_mean_s8_dsp_four(p, &window[last], &y[last]);
                y = &y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
