/*
 * Depthwise convolution, int8: channel by channel, from a plane of the channel's codes with its border.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_PLANES_H
#define MCUQ_DEPTHWISE_CONV2D_S8_PLANES_H

#include "mcuq_outputs.h"
#include "mcuq_wide.h"

/*
 * Lines are the rows of images or their columns, whichever have more outputs. Codes of x are x_line apart from line to
 * line and x_step along a line, images x_image; those of y likewise.
 *
 * Shapes: x [n][in_lines][in_l][out_c / per_channel] and y [n][out_lines][out_l][out_c], or with rows and columns
 * exchanged; weights [out_c][kernel_lines][kernel_l]; bias, multiplier and shift [out_c], the bias with
 * -x_zero_point * sum w in it. A plane has plane_lines lines of plane_l codes, in which the image begins behind
 * pad_lines and pad_l; what is not of the image is x_zero_point.
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
    int32_t per_channel;
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
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_depthwise_conv2d_s8_planes_params;

/* What of a channel lies in the plane; x: its first code. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_planes_fill(const mcuq_depthwise_conv2d_s8_planes_params *p, int8_t *plane,
                                                      const int8_t *x)
{
    const int32_t lines = p->plane_lines - p->pad_lines;
    const int32_t length = p->plane_l - p->pad_l;
    const int32_t in_lines = (lines < p->in_lines) ? lines : p->in_lines;
    const int32_t in_l = (length < p->in_l) ? length : p->in_l;
    const int32_t step = p->x_step;
    for (int32_t line = 0; line < in_lines; line++) {
        int8_t *const to = &plane[((p->pad_lines + line) * p->plane_l) + p->pad_l];
        int32_t from = line * p->x_line;
        for (int32_t i = 0; i < in_l; i++) {
            to[i] = x[from];
            from += step;
        }
    }
}

/*
 * The sums of a line of outputs, by fours, each begun with the bias; x: where the first window begins in the plane. No
 * loop steps a pointer behind its last turn: it would leave the plane.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_planes_line(const mcuq_depthwise_conv2d_s8_planes_params *p,
                                                                    const int8_t *x, const int8_t *weights,
                                                                    int32_t bias, mcuq_int32 *sums)
{
    const mcuq_int32 *const end = &sums[p->out_l];
    const int32_t step = p->stride_l;
    const int32_t dilation = p->dilation_l;
    const int32_t next_line = p->dilation_lines * p->plane_l;
    for (;;) {
        const int8_t *w = weights;
        const int8_t *line = x;
        int32_t a = bias;
        int32_t b = bias;
        int32_t c = bias;
        int32_t d = bias;
        for (int32_t i = 1;; i++) {
            const int8_t *tap = line;
            const int8_t *const last = &w[p->kernel_l - 1];
            for (;; w = &w[1]) {
                a += tap[0] * *w;
                b += tap[step] * *w;
                c += tap[2 * step] * *w;
                d += tap[3 * step] * *w;
                if (w == last) {
                    break;
                }
                tap = &tap[dilation];
            }
            w = &w[1];
            if (i == p->kernel_lines) {
                break;
            }
            line = &line[next_line];
        }
        sums[0] = a;
        sums[1] = b;
        sums[2] = c;
        sums[3] = d;
        sums = &sums[4];
        if (sums >= end) {
            break;
        }
        x = &x[4 * step];
    }
}

/* The same for windows of three codes in a line, without gaps and one apart: codes are read once for four windows. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_planes_three(const mcuq_depthwise_conv2d_s8_planes_params *p,
                                                                     const int8_t *x, const int8_t *weights,
                                                                     int32_t bias, mcuq_int32 *sums)
{
    const mcuq_int32 *const end = &sums[p->out_l];
    const int32_t step = p->dilation_lines * p->plane_l;
    const int8_t *const last = &weights[3 * p->kernel_lines];
    for (; sums < end; sums = &sums[4]) {
        int32_t at = 0;
        int32_t a = bias;
        int32_t b = bias;
        int32_t c = bias;
        int32_t d = bias;
        for (const int8_t *w = weights; w != last; w = &w[3]) {
            const int8_t *const line = &x[at];
            a += (line[0] * w[0]) + (line[1] * w[1]) + (line[2] * w[2]);
            b += (line[1] * w[0]) + (line[2] * w[1]) + (line[3] * w[2]);
            c += (line[2] * w[0]) + (line[3] * w[1]) + (line[4] * w[2]);
            d += (line[3] * w[0]) + (line[4] * w[1]) + (line[5] * w[2]);
            at += step;
        }
        sums[0] = a;
        sums[1] = b;
        sums[2] = c;
        sums[3] = d;
        x = &x[4];
    }
}

/* All outputs of channel m, from the plane of its codes. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_planes_channel(const mcuq_depthwise_conv2d_s8_planes_params *p,
                                                         const int8_t *plane, int32_t m, mcuq_int32 *sums, int8_t *y)
{
    const mcuq_outputs to = {p->multiplier, p->shift, p->y_zero_point, p->lo, p->hi};
    const int8_t *const w = &p->weights[m * p->kernel_lines * p->kernel_l];
    const int32_t is_three = (p->kernel_l == 3) && (p->stride_l == 1) && (p->dilation_l == 1);
    for (int32_t line = 0; line < p->out_lines; line++) {
        const int8_t *const x = &plane[line * p->stride_lines * p->plane_l];
        if (is_three != 0) {
            mcuq_depthwise_conv2d_s8_planes_three(p, x, w, p->bias[m], sums);
        } else {
            mcuq_depthwise_conv2d_s8_planes_line(p, x, w, p->bias[m], sums);
        }
        mcuq_outputs_line(&to, m, sums, p->out_l, &y[line * p->y_line], p->y_step);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where taps outside the image are x_zero_point: the
 * same sums as with a centred x and zeros outside.
 *
 * scratch: a line of sums, 4 bytes for each of out_l outputs, filled up to a multiple of 4; a plane, plane_lines *
 * plane_l bytes; 3 * stride_l bytes that only sums of no output read. Aligned to 4. No sum leaves int32: proved by the
 * model's compiler. y may overlap x a multiple of out_c codes away, where per_channel is 1: a channel of an image is
 * read before it is written, images one after the other.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_planes(const mcuq_depthwise_conv2d_s8_planes_params *p,
                                                 const int8_t *x, int8_t *y, int8_t *scratch)
{
    mcuq_int32 *const sums = (mcuq_int32 *)(void *)scratch;
    int8_t *const plane = (int8_t *)(void *)&sums[(p->out_l + 3) & ~3];
    (void)memset(plane, p->x_zero_point, (size_t)((p->plane_lines * p->plane_l) + (3 * p->stride_l)));
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t m = 0; m < p->out_c; m++) {
            if ((m % p->per_channel) == 0) {
                mcuq_depthwise_conv2d_s8_planes_fill(p, plane, &x[m / p->per_channel]);
            }
            mcuq_depthwise_conv2d_s8_planes_channel(p, plane, m, sums, &y[m]);
        }
        x = &x[p->x_image];
        y = &y[p->y_image];
    }
}

#endif
