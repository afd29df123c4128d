/*
 * The windows of a convolution one after the other, each as codes that lie together.
 */
#ifndef MCUQ_WINDOWS_H
#define MCUQ_WINDOWS_H

#include "mcuq_common.h"

/*
 * A convolution of several windows at a time.
 *
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c]. A window has window_c = kernel_h * kernel_w *
 * in_c / groups codes. weights: of each group, its channels by fours as [window_c][4], then the channels that are
 * left over as [window_c]. bias, multiplier and shift [out_c], the input's zero point folded into the bias.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t groups;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t window_c;
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
    const int8_t *shift;
} mcuq_windows_params;

/* Where the next window is: its image, at the first channel of its group, and its place in the output. */
typedef struct {
    const int8_t *x;
    int32_t image;
    int32_t oy;
    int32_t ox;
} mcuq_windows_walk;

/* One row of a window, tap by tap; x: the row of the image. */
static inline void mcuq_windows_taps(const mcuq_windows_params *p, int8_t *to, const int8_t *x, int32_t first_col)
{
    const size_t depth = (size_t)(p->in_c / p->groups);
    for (int32_t j = 0; j < p->kernel_w; j++) {
        const int32_t col = first_col + (j * p->dilation_w);
        if ((col < 0) || (col >= p->in_w)) {
            (void)memset(to, p->x_zero_point, depth);
        } else {
            (void)memcpy(to, &x[col * p->in_c], depth);
        }
        to = &to[depth];
    }
}

/* The window that begins at a row and a column, its taps outside the image the input's zero point. */
MCUQ_KERNEL void mcuq_windows_gather(const mcuq_windows_params *p, int8_t *to, const int8_t *x, int32_t first_row,
                                     int32_t first_col)
{
    const size_t length = (size_t)(p->window_c / p->kernel_h);
    const int32_t is_whole = (first_col >= 0) && ((first_col + p->kernel_w) <= p->in_w) && (p->dilation_w == 1) &&
                             (p->groups == 1);
    for (int32_t i = 0; i < p->kernel_h; i++) {
        const int32_t row = first_row + (i * p->dilation_h);
        if ((row < 0) || (row >= p->in_h)) {
            (void)memset(to, p->x_zero_point, length);
        } else if (is_whole != 0) {
            (void)memcpy(to, &x[((row * p->in_w) + first_col) * p->in_c], length);
        } else {
            mcuq_windows_taps(p, to, &x[row * p->in_w * p->in_c], first_col);
        }
        to = &to[length];
    }
}

/*
 * The next windows, at most `most` of them: their number, and where each lies. One that is a single tap inside the
 * image lies in x, any other is gathered into its part of the scratch memory. Behind the last, the first again.
 */
MCUQ_KERNEL int32_t mcuq_windows_next(const mcuq_windows_params *p, mcuq_windows_walk *walk, int8_t *scratch,
                                      const int8_t **windows, int32_t most)
{
    const int32_t is_tap = (p->kernel_h == 1) && (p->kernel_w == 1);
    int32_t count = 0;
    for (; (count < most) && (walk->image < p->n); count++) {
        const int32_t row = (walk->oy * p->stride_h) - p->pad_top;
        const int32_t col = (walk->ox * p->stride_w) - p->pad_left;
        if ((is_tap != 0) && (row >= 0) && (row < p->in_h) && (col >= 0) && (col < p->in_w)) {
            windows[count] = &walk->x[((row * p->in_w) + col) * p->in_c];
        } else {
            mcuq_windows_gather(p, &scratch[count * p->window_c], walk->x, row, col);
            windows[count] = &scratch[count * p->window_c];
        }
        walk->ox++;
        if (walk->ox == p->out_w) {
            walk->ox = 0;
            walk->oy++;
        }
        if (walk->oy == p->out_h) {
            walk->oy = 0;
            walk->image++;
            if (walk->image < p->n) { /* behind the last image a later group's pointer would leave x */
                walk->x = &walk->x[p->in_h * p->in_w * p->in_c];
            }
        }
    }
    for (int32_t i = count; (count > 0) && (i < most); i++) {
        windows[i] = windows[0];
    }
    return count;
}

#endif
