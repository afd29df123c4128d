/*
 * Depthwise convolution whose input or output is int16, for cores with DSP instructions: two channels at a time, from a
 * plane of their codes with its border.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_MIXED_PLANES_H
#define MCUQ_DEPTHWISE_CONV2D_MIXED_PLANES_H

#include "mcuq_planes_s16.h"

/*
 * Lines are the rows of images or their columns, whichever have more outputs. Codes of x are x_line apart from line to
 * line and x_step along a line, images x_image; those of y likewise.
 *
 * Shapes: x [n][in_lines][in_l][out_c] and y [n][out_lines][out_l][out_c], or with rows and columns exchanged, out_c
 * even; weights [out_c / 2][kernel_lines][kernel_l][2]; channels [out_c]: as mcuq_halves_channel. A plane has
 * plane_lines lines of plane_l words, in which the image begins behind pad_lines and pad_l; what is not of the image is
 * x_zero_point.
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
    int32_t kernel_lines;
    int32_t kernel_l;
    int32_t stride_lines;
    int32_t stride_l;
    int32_t dilation_lines;
    int32_t dilation_l;
    int32_t pad_lines;
    int32_t pad_l;
    int32_t plane_lines;
    int32_t plane_l;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    int32_t is_slow;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_depthwise_conv2d_mixed_planes_params;

/* What of two channels lies in the plane, from element `at` of x on. */
MCUQ_INLINE void mcuq_depthwise_conv2d_mixed_planes_fill(const mcuq_depthwise_conv2d_mixed_planes_params *p,
                                                         mcuq_word *plane, const void *x, int32_t at, int32_t is_wide)
{
    const int32_t lines = p->plane_lines - p->pad_lines;
    const int32_t length = p->plane_l - p->pad_l;
    const int32_t in_lines = (lines < p->in_lines) ? lines : p->in_lines;
    const int32_t in_l = (length < p->in_l) ? length : p->in_l;
    const int32_t step = p->x_step;
    for (int32_t line = 0; line < in_lines; line++) {
        mcuq_word *to = &plane[((p->pad_lines + line) * p->plane_l) + p->pad_l];
        const void *from = mcuq_mixed_at(x, at + (line * p->x_line), is_wide);
        int32_t i = in_l;
        for (; i >= 4; i -= 4) {
            to[0] = mcuq_load_two(from, is_wide);
            from = mcuq_mixed_at(from, step, is_wide);
            to[1] = mcuq_load_two(from, is_wide);
            from = mcuq_mixed_at(from, step, is_wide);
            to[2] = mcuq_load_two(from, is_wide);
            from = mcuq_mixed_at(from, step, is_wide);
            to[3] = mcuq_load_two(from, is_wide);
            from = mcuq_mixed_at(from, step, is_wide);
            to = &to[4];
        }
        for (; i > 0; i--) {
            *to = mcuq_load_two(from, is_wide);
            to = &to[1];
            from = mcuq_mixed_at(from, step, is_wide);
        }
    }
}

/* A product of both channels of output k. */
#define MCUQ_PLANES_ADD(k, weight)             \
    do {                                       \
        a##k = mcuq_smlabb(word, weight, a##k); \
        b##k = mcuq_smlatt(word, weight, b##k); \
    } while (0)

/* Sums of both channels of four outputs. */
typedef struct {
    int32_t a0;
    int32_t b0;
    int32_t a1;
    int32_t b1;
    int32_t a2;
    int32_t b2;
    int32_t a3;
    int32_t b3;
} mcuq_depthwise_conv2d_mixed_planes_sums;

/* Of four outputs of a line, each begun with the bias; x: where the first window begins. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_mixed_planes_any(
    const mcuq_depthwise_conv2d_mixed_planes_params *p, const mcuq_word *x, const mcuq_word *w,
    mcuq_depthwise_conv2d_mixed_planes_sums *sums)
{
    const int32_t step = p->stride_l;
    int32_t a0 = sums->a0;
    int32_t b0 = sums->b0;
    int32_t a1 = a0;
    int32_t b1 = b0;
    int32_t a2 = a0;
    int32_t b2 = b0;
    int32_t a3 = a0;
    int32_t b3 = b0;
    for (int32_t i = 0; i < p->kernel_lines; i++) {
        const mcuq_word *tap = x;
        const mcuq_word *const last = &w[p->kernel_l];
        for (; w != last; w = &w[1]) {
            const uint32_t weight = *w;
            uint32_t word = tap[0];
            MCUQ_PLANES_ADD(0, weight);
            word = tap[step];
            MCUQ_PLANES_ADD(1, weight);
            word = tap[2 * step];
            MCUQ_PLANES_ADD(2, weight);
            word = tap[3 * step];
            MCUQ_PLANES_ADD(3, weight);
            tap = &tap[p->dilation_l];
        }
        x = &x[p->dilation_lines * p->plane_l];
    }
    *sums = (mcuq_depthwise_conv2d_mixed_planes_sums){a0, b0, a1, b1, a2, b2, a3, b3};
}

/* Both channels of an output, from element `at` of y on. */
MCUQ_INLINE void mcuq_depthwise_conv2d_mixed_planes_put(const mcuq_depthwise_conv2d_mixed_planes_params *p,
                                                        const mcuq_halves_channel channel[2], int32_t a, int32_t b,
                                                        void *y, int32_t at, int32_t is_wide)
{
    const mcuq_halves_end end = {p->y_zero_point, p->lo, p->hi};
    mcuq_halves_put(y, at, mcuq_halves_code(a, &channel[0], &end), is_wide);
    mcuq_halves_put(y, at + 1, mcuq_halves_code(b, &channel[1], &end), is_wide);
}

/* All outputs of two channels whose plane is filled; at: their first element in y. */
MCUQ_INLINE void mcuq_depthwise_conv2d_mixed_planes_pair(const mcuq_depthwise_conv2d_mixed_planes_params *p,
                                                         const mcuq_word *plane, const mcuq_word *w,
                                                         const mcuq_halves_channel *channel, void *y, int32_t at,
                                                         int32_t is_wide)
{
    for (int32_t line = 0; line < p->out_lines; line++) {
        const mcuq_word *x = &plane[line * p->stride_lines * p->plane_l];
        int32_t to = at + (line * p->y_line);
        for (int32_t i = 0; i < p->out_l; i += 4) {
            mcuq_depthwise_conv2d_mixed_planes_sums s;
            s.a0 = channel[0].bias;
            s.b0 = channel[1].bias;
            mcuq_depthwise_conv2d_mixed_planes_any(p, x, w, &s);
            const int32_t sums[8] = {s.a0, s.b0, s.a1, s.b1, s.a2, s.b2, s.a3, s.b3};
            for (int32_t k = 0; (k < 4) && ((i + k) < p->out_l); k++) {
                mcuq_depthwise_conv2d_mixed_planes_put(p, channel, sums[2 * k], sums[(2 * k) + 1], y, to, is_wide);
                to += p->y_step;
            }
            x = &x[4 * p->stride_l];
        }
    }
}

/* The same of windows of three codes in a line, without gaps, one or two apart, and codes of int16 that are fast. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_mixed_planes_fast(const mcuq_depthwise_conv2d_mixed_planes_params *p,
                                                         const mcuq_word *plane, const mcuq_word *w,
                                                         const mcuq_halves_channel *channel, mcuq_int16 *y)
{
    const int32_t rest = p->out_l % 4;
    mcuq_int16 block[8];
    mcuq_planes_s16_walk walk;
    walk.w = w;
    walk.w_end = &w[3 * p->kernel_lines];
    walk.pitch = 4 * p->dilation_lines * p->plane_l;
    walk.channels = channel;
    for (int32_t line = 0; line < p->out_lines; line++) {
        walk.x = &plane[line * p->stride_lines * p->plane_l];
        walk.y = y;
        walk.y_step = 2 * p->y_step;
        walk.quads = p->out_l / 4;
        if (walk.quads > 0) {
            mcuq_planes_s16_line(&walk, p->stride_l, p->lo);
        }
        if (rest > 0) {
            walk.x = &walk.x[4 * walk.quads * p->stride_l];
            walk.y = block;
            walk.y_step = 4;
            mcuq_int16 *to = &y[4 * walk.quads * p->y_step];
            walk.quads = 1;
            mcuq_planes_s16_line(&walk, p->stride_l, p->lo);
            for (int32_t i = 0; i < rest; i++) {
                to[0] = block[2 * i];
                to[1] = block[(2 * i) + 1];
                to = &to[p->y_step];
            }
        }
        y = &y[p->y_line];
    }
}

/* Whether two channels are for the routine of three codes in a line. */
MCUQ_KERNEL int32_t mcuq_depthwise_conv2d_mixed_planes_is_fast(const mcuq_depthwise_conv2d_mixed_planes_params *p,
                                                               const mcuq_halves_channel *channel)
{
    return (p->kernel_l == 3) && (p->stride_l <= 2) && (p->dilation_l == 1) && (p->is_slow == 0) &&
           (channel[0].right <= MCUQ_HALVES_DSP_MOST) && (channel[1].right <= MCUQ_HALVES_DSP_MOST);
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * x and y are int16 or int8, as is said of each. scratch: kernel_lines * kernel_l + plane_lines * plane_l +
 * 3 * stride_l words, aligned to 4; it overlaps nothing. y may overlap x where nothing is read any more: of an image
 * all codes of two channels are read before any is written.
 */
MCUQ_INLINE void mcuq_depthwise_conv2d_mixed_planes(const mcuq_depthwise_conv2d_mixed_planes_params *p, const void *x,
                                                    int32_t is_x_wide, void *y, int32_t is_y_wide, int8_t *scratch)
{
    const int32_t taps = p->kernel_lines * p->kernel_l;
    mcuq_word *const w = (mcuq_word *)(void *)scratch;
    mcuq_word *const plane = &w[taps];
    const int32_t words = (p->plane_lines * p->plane_l) + (3 * p->stride_l);
    const uint32_t outside = ((uint32_t)p->x_zero_point & 0xFFFFU) | ((uint32_t)p->x_zero_point << 16);
    for (int32_t i = 0; i < words; i++) {
        plane[i] = outside;
    }
    for (int32_t image = 0; image < p->n; image++) {
        const int8_t *from = p->weights;
        for (int32_t c = 0; c < p->out_c; c += 2) {
            const int32_t at = (image * p->y_image) + c;
            mcuq_halves_channel channel[2];
            (void)memcpy(channel, &p->channels[4 * c], sizeof channel);
            for (int32_t i = 0; i < taps; i++) {
                w[i] = mcuq_load_two(&from[2 * i], 0);
            }
            from = &from[2 * taps];
            mcuq_depthwise_conv2d_mixed_planes_fill(p, plane, x, (image * p->x_image) + c, is_x_wide);
            if ((is_y_wide != 0) && (mcuq_depthwise_conv2d_mixed_planes_is_fast(p, channel) != 0)) {
                mcuq_depthwise_conv2d_mixed_planes_fast(p, plane, w, channel, &((mcuq_int16 *)y)[at]);
            } else {
                mcuq_depthwise_conv2d_mixed_planes_pair(p, plane, w, channel, y, at, is_y_wide);
            }
        }
    }
}

#endif
