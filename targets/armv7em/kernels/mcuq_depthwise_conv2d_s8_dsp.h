/*
 * Depthwise convolution, four channels at a time, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_DSP_H
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_H

#include "mcuq_dsp.h"

#define MCUQ_DEPTHWISE_MAX_TAPS 50

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; channels is a multiple of 4.
 * weights [channels / 4][taps / 2][8]: channels a to d at taps t and u as at bt au bu, ct dt cu du; a tap of
 * zeros makes their number even. bias [channels] with the zero point folded in, multiplier and right [channels].
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
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *right;
} mcuq_depthwise_conv2d_s8_dsp_params;

/* Where the taps of a window read: in the image, or a line of zero points outside. Returns their even number. */
MCUQ_KERNEL int32_t mcuq_depthwise_conv2d_s8_dsp_taps(const mcuq_depthwise_conv2d_s8_dsp_params *p,
                                                      const int8_t *x, const int8_t *outside,
                                                      int32_t first_row, int32_t first_col,
                                                      const int8_t **taps)
{
    int32_t count = 0;
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        const int32_t is_row = (row >= 0) && (row < p->in_h);
        for (int32_t j = 0; j < p->kernel_w; j++) {
            const int32_t col = first_col + (j * p->dilation_w);
            const int32_t is_inside = (is_row != 0) && (col >= 0) && (col < p->in_w);
            taps[count] = (is_inside != 0) ? &x[((row * p->in_w) + col) * p->channels] : outside;
            count++;
        }
    }
    if ((count % 2) != 0) {
        taps[count] = outside;
        count++;
    }
    return count;
}

/* One requantized code of channel c, limited. */
static inline int8_t mcuq_depthwise_conv2d_s8_dsp_code(int32_t sum, int32_t multiplier, int32_t right,
                                                       int32_t zero_point, int32_t lo, int32_t hi)
{
    const int32_t code = mcuq_requantize_dsp(sum, multiplier, right, mcuq_offset_dsp(right, zero_point));
    const int32_t above = (code < lo) ? lo : code;
    return (int8_t)((above > hi) ? hi : above);
}

/* All channels of one pixel. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_pixel(const mcuq_depthwise_conv2d_s8_dsp_params *p,
                                                    const int8_t *const *taps, int32_t count, int8_t *y)
{
    /* Copies: a store of a code could change what p points to, for all the compiler knows. */
    const int8_t *w = p->weights;
    const int32_t *bias = p->bias;
    const int32_t *multiplier = p->multiplier;
    const int8_t *right = p->right;
    const int32_t zero_point = p->y_zero_point;
    const int32_t lo = p->lo;
    const int32_t hi = p->hi;
    const int32_t channels = p->channels;
    for (int32_t c = 0; c < channels; c += 4) {
        int32_t sums[4] = {bias[c], bias[c + 1], bias[c + 2], bias[c + 3]};
        for (int32_t t = 0; t < count; t += 2) {
            const uint32_t first = mcuq_load4(&taps[t][c]);
            const uint32_t second = mcuq_load4(&taps[t + 1][c]);
            const uint32_t ab = mcuq_load4(w);
            const uint32_t cd = mcuq_load4(&w[4]);
            const uint32_t even_1 = mcuq_sxtb16(first);
            const uint32_t even_2 = mcuq_sxtb16(second);
            const uint32_t odd_1 = mcuq_sxtb16_odd(first);
            const uint32_t odd_2 = mcuq_sxtb16_odd(second);
            sums[0] = mcuq_smlad(mcuq_sxtb16(ab), mcuq_pack_low(even_1, even_2), sums[0]);
            sums[1] = mcuq_smlad(mcuq_sxtb16_odd(ab), mcuq_pack_low(odd_1, odd_2), sums[1]);
            sums[2] = mcuq_smlad(mcuq_sxtb16(cd), mcuq_pack_high(even_1, even_2), sums[2]);
            sums[3] = mcuq_smlad(mcuq_sxtb16_odd(cd), mcuq_pack_high(odd_1, odd_2), sums[3]);
            w = &w[8];
        }
        for (int32_t i = 0; i < 4; i++) {
            y[c + i] = mcuq_depthwise_conv2d_s8_dsp_code(sums[i], multiplier[c + i], right[c + i], zero_point,
                                                         lo, hi);
        }
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point.
 *
 * scratch: `channels` bytes; it overlaps nothing. y may overlap x a multiple of `channels` codes away where nothing is
 * read any more: of each pixel four channels are read before these channels are written.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_dsp(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                              int8_t *y, int8_t *scratch)
{
    const int8_t *taps[MCUQ_DEPTHWISE_MAX_TAPS];
    (void)memset(scratch, p->x_zero_point, (size_t)p->channels);
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const int32_t row = (oy * p->stride_h) - p->pad_top;
                const int32_t col = (ox * p->stride_w) - p->pad_left;
                const int32_t count = mcuq_depthwise_conv2d_s8_dsp_taps(p, x, scratch, row, col, taps);
                mcuq_depthwise_conv2d_s8_dsp_pixel(p, taps, count, y);
                y = &y[p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
