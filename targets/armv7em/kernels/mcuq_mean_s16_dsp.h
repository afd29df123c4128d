/*
 * Mean over windows inside the image, int16, two channels at a time, for cores with DSP instructions.
 */
#ifndef MCUQ_MEAN_S16_DSP_H
#define MCUQ_MEAN_S16_DSP_H

#include "mcuq_halves_dsp.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels], an even number of channels; the zero point of x
 * is 0. The multiplier holds the division by the number of taps.
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
} mcuq_mean_s16_dsp_params;

/* The codes of two channels of a window, from x on. */
MCUQ_KERNEL void mcuq_mean_s16_dsp_window(const mcuq_mean_s16_dsp_params *p, const mcuq_int16 *x, mcuq_int16 *y)
{
    const uint32_t ones = 0x00010001U;
    const int32_t step = p->channels;
    int32_t a = 0;
    int32_t b = 0;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const mcuq_int16 *from = x;
        int32_t left = p->kernel_w;
        for (; left >= 4; left -= 4) {
            const uint32_t first = mcuq_load_two(from, 1);
            const uint32_t second = mcuq_load_two(&from[step], 1);
            from = &from[2 * step];
            const uint32_t third = mcuq_load_two(from, 1);
            const uint32_t fourth = mcuq_load_two(&from[step], 1);
            from = &from[2 * step];
            a = mcuq_smlad(mcuq_pack_low(first, second), ones, a);
            b = mcuq_smlad(mcuq_pack_high(first, second), ones, b);
            a = mcuq_smlad(mcuq_pack_low(third, fourth), ones, a);
            b = mcuq_smlad(mcuq_pack_high(third, fourth), ones, b);
        }
        for (; left > 0; left--) {
            const uint32_t word = mcuq_load_two(from, 1);
            a += (int16_t)(uint16_t)word;
            b += (int32_t)word >> 16;
            from = &from[step];
        }
        x = &x[p->in_w * step];
    }
    y[0] = mcuq_clamp_s16(mcuq_requantize(a, p->multiplier, p->shift) + p->y_zero_point, p->lo, p->hi);
    y[1] = mcuq_clamp_s16(mcuq_requantize(b, p->multiplier, p->shift) + p->y_zero_point, p->lo, p->hi);
}

/* y = clamp(requantize(sum x) + y_zero_point, lo, hi). x and y do not overlap. */
MCUQ_CALLED void mcuq_mean_s16_dsp(const mcuq_mean_s16_dsp_params *p, const mcuq_int16 *restrict x,
                                   mcuq_int16 *restrict y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const mcuq_int16 *const window =
                    &x[(((oy * p->stride_h) * p->in_w) + (ox * p->stride_w)) * p->channels];
                for (int32_t c = 0; c < p->channels; c += 2) {
                    mcuq_mean_s16_dsp_window(p, &window[c], y);
                    y = &y[2];
                }
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
