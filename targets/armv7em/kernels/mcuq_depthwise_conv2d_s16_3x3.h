/*
 * Depthwise convolution with windows of 3x3, int16, for cores with DSP instructions: two channels at a time, from
 * planes of their codes with a border.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S16_3X3_H
#define MCUQ_DEPTHWISE_CONV2D_S16_3X3_H

#include "mcuq_line_3x3_s16.h"

/*
 * Lines are the rows of images or their columns, whichever have more outputs. Codes of x are x_line apart from line to
 * line and x_step along a line, images x_image; those of y likewise.
 *
 * Shapes: x [n][in_lines][in_l][out_c] and y [n][out_lines][out_l][out_c], or with rows and columns exchanged, out_c
 * even; weights [out_c][3][3], lines first; channels: as mcuq_line_3x3_s16 reads them. A channel whose sums are
 * requantized in full has its bias instead of twice it, and as right shift 64 less its shift, 34 to 95; it is slow, and
 * all are where limits are not those of int16, or 0 and 32767: then is_slow is 1. stride_l: 1 or 2. A plane has
 * plane_lines lines of plane_words words of two codes, in which the image begins behind pad_lines and pad_l; what is
 * not of the image is 0, as the zero point of x is.
 */
typedef struct {
    int32_t n;
    int32_t x_image;
    int32_t x_line;
    int32_t x_step;
    int32_t y_image;
    int32_t y_line;
    int32_t y_step;
    int32_t in_lines;
    int32_t in_l;
    int32_t out_lines;
    int32_t out_l;
    int32_t out_c;
    int32_t stride_lines;
    int32_t stride_l;
    int32_t dilation_lines;
    int32_t pad_lines;
    int32_t pad_l;
    int32_t plane_lines;
    int32_t plane_words;
    int32_t lo;
    int32_t hi;
    int32_t is_slow;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_depthwise_conv2d_s16_3x3_params;

/* A code of two channels into both planes, `behind` words apart; at: which of a word. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s16_3x3_code(mcuq_word *to, int32_t behind, const mcuq_int16 *x, int32_t at)
{
    mcuq_int16 *const first = (mcuq_int16 *)(void *)to;
    mcuq_int16 *const second = (mcuq_int16 *)(void *)&to[behind];
    first[at] = x[0];
    second[at] = x[1];
}

/* What of two channels, the first at x, lies in the image, into two planes that lie `behind` words apart. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s16_3x3_fill(const mcuq_depthwise_conv2d_s16_3x3_params *p,
                                                                  mcuq_word *planes, int32_t behind,
                                                                  const mcuq_int16 *x)
{
    const int32_t lines = p->plane_lines - p->pad_lines;
    const int32_t length = (2 * p->plane_words) - p->pad_l;
    const int32_t in_lines = (lines < p->in_lines) ? lines : p->in_lines;
    const int32_t in_l = (length < p->in_l) ? length : p->in_l;
    const int32_t step = p->x_step;
    mcuq_word *line = &planes[(p->pad_lines * p->plane_words) + (p->pad_l / 2)];
    for (int32_t i = 0; i < in_lines; i++) {
        const mcuq_int16 *from = x;
        mcuq_word *to = line;
        int32_t left = in_l;
        if (((p->pad_l % 2) != 0) && (left > 0)) {
            mcuq_depthwise_conv2d_s16_3x3_code(to, behind, from, 1);
            from = &from[step];
            to = &to[1];
            left--;
        }
        for (; left >= 4; left -= 4) {
            const uint32_t a = mcuq_load_two(from, 1);
            const uint32_t b = mcuq_load_two(&from[step], 1);
            from = &from[2 * step];
            const uint32_t c = mcuq_load_two(from, 1);
            const uint32_t d = mcuq_load_two(&from[step], 1);
            from = &from[2 * step];
            to[0] = mcuq_pack_low(a, b);
            to[1] = mcuq_pack_low(c, d);
            to[behind] = mcuq_pack_high(a, b);
            to[behind + 1] = mcuq_pack_high(c, d);
            to = &to[2];
        }
        for (; left > 0; left--) {
            mcuq_depthwise_conv2d_s16_3x3_code(to, behind, from, (in_l - left + p->pad_l) % 2);
            to = &to[(in_l - left + p->pad_l) % 2];
            from = &from[step];
        }
        line = &line[p->plane_words];
        x = &x[p->x_line];
    }
}

/* A slow channel whose plane is filled; y: its first code. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s16_3x3_slow(const mcuq_depthwise_conv2d_s16_3x3_params *p,
                                                                  const mcuq_line_3x3_s16_walk *walk, mcuq_int16 *y)
{
    const mcuq_halves_end end = {0, p->lo, p->hi};
    mcuq_halves_channel channel;
    (void)memcpy(&channel, walk->channel, sizeof channel);
    channel.bias = (channel.right <= MCUQ_HALVES_DSP_MOST) ? (channel.bias / 2) : channel.bias;
    for (int32_t line = 0; line < p->out_lines; line++) {
        const mcuq_int16 *const from = (const mcuq_int16 *)&walk->x[line * p->stride_lines * p->plane_words];
        for (int32_t i = 0; i < p->out_l; i++) {
            const mcuq_int16 *x = &from[i * p->stride_l];
            int32_t sum = channel.bias;
            for (int32_t k = 0; k < 9; k += 3) {
                const int8_t *const w = &walk->weights[k];
                sum += (x[0] * w[0]) + (x[1] * w[1]) + (x[2] * w[2]);
                x = &x[2 * p->dilation_lines * p->plane_words];
            }
            y[(line * p->y_line) + (i * p->y_step)] = (int16_t)mcuq_halves_code(sum, &channel, &end);
        }
    }
}

/* A channel whose plane is filled. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s16_3x3_channel(const mcuq_depthwise_conv2d_s16_3x3_params *p,
                                                       mcuq_line_3x3_s16_walk *walk)
{
    walk->lines = p->out_lines;
    if ((p->is_slow != 0) || (walk->channel[2] > MCUQ_HALVES_DSP_MOST)) {
        mcuq_depthwise_conv2d_s16_3x3_slow(p, walk, walk->y);
    } else if (p->stride_l == 1) {
        mcuq_line_3x3_s16_one(walk);
    } else {
        mcuq_line_3x3_s16_two(walk);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w), lo, hi), x and y int16.
 *
 * scratch: 2 * (plane_lines * plane_words + 4) words, aligned to 4; it overlaps nothing. y may overlap x
 * where nothing is read any more: of an image all codes of two channels are read before any is written.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s16_3x3(const mcuq_depthwise_conv2d_s16_3x3_params *p, const mcuq_int16 *x,
                                               mcuq_int16 *y, int8_t *scratch)
{
    mcuq_word *const planes = (mcuq_word *)(void *)scratch;
    const int32_t behind = (p->plane_lines * p->plane_words) + 4;
    const int32_t fours = (p->out_l + 3) / 4;
    mcuq_line_3x3_s16_walk walk;
    (void)memset(scratch, 0, 8U * (size_t)behind);
    walk.row = 4 * p->dilation_lines * p->plane_words;
    walk.x_skip = (4 * p->stride_lines * p->plane_words) - (8 * p->stride_l * fours);
    walk.y_skip = 2 * (p->y_line - (4 * fours * p->y_step));
    walk.outputs = p->out_l;
    walk.y_step = 2 * p->y_step;
    walk.is_positive = (p->lo == 0) ? 1 : 0;
    for (int32_t image = 0; image < p->n; image++) {
        walk.channel = p->channels;
        walk.weights = p->weights;
        for (int32_t c = 0; c < p->out_c; c += 2) {
            mcuq_depthwise_conv2d_s16_3x3_fill(p, planes, behind, &x[c]);
            for (int32_t i = 0; i < 2; i++) {
                walk.x = &planes[i * behind];
                walk.y = &y[c + i];
                mcuq_depthwise_conv2d_s16_3x3_channel(p, &walk);
                walk.channel = &walk.channel[4];
                walk.weights = &walk.weights[9];
            }
        }
        x = &x[p->x_image];
        y = &y[p->y_image];
    }
}

#endif
