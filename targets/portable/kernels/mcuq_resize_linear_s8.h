/*
 * Linear resizing, int8.
 */
#ifndef MCUQ_RESIZE_LINEAR_S8_H
#define MCUQ_RESIZE_LINEAR_S8_H

#include "mcuq_common.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels], rows and row_weights [out_h],
 * cols and col_weights [out_w]. Weights are 0 to 1023; where one is not 0, a row or column lies behind.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    const int16_t *rows;
    const int16_t *row_weights;
    const int16_t *cols;
    const int16_t *col_weights;
} mcuq_resize_linear_s8_params;

/* A sum in units of 2^-20, to nearest, ties away from 0. */
static inline int8_t mcuq_resize_linear_s8_rounded(int32_t sum)
{
    return (int8_t)((sum + 524288 + (sum >> 31)) >> 20);
}

/* One pixel between x, the one `right` behind it, and those `down` behind the two; u and v: their weights. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_resize_linear_s8_pixel(const int8_t *x, int8_t *y, int32_t channels, int32_t down,
                                                           int32_t right, int32_t u, int32_t v)
{
    const int32_t above_left = (1024 - u) * (1024 - v);
    const int32_t above_right = (1024 - u) * v;
    const int32_t below_left = u * (1024 - v);
    const int32_t below_right = u * v;
    const int8_t *const x_right = &x[right];
    const int8_t *const x_below = &x[down];
    const int8_t *const x_last = &x_below[right];
    for (int32_t c = 0; c < channels; c++) {
        const int32_t above = (x[c] * above_left) + (x_right[c] * above_right);
        y[c] = mcuq_resize_linear_s8_rounded(above + (x_below[c] * below_left) + (x_last[c] * below_right));
    }
}

/* A row of one channel from one row of x. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_resize_linear_s8_flat(const mcuq_resize_linear_s8_params *p, const int8_t *x,
                                                          int8_t *y)
{
    for (int32_t ox = 0; ox < p->out_w; ox++) {
        const int32_t v = p->col_weights[ox];
        const int8_t *const at = &x[p->cols[ox]];
        const int32_t sum = (at[0] * 1024) + ((at[(v != 0) ? 1 : 0] - at[0]) * v);
        y[ox] = (int8_t)((sum + 512 + (sum >> 31)) >> 10); /* as that of 1024 times the sum */
    }
}

/*
 * A row of one channel between x and the row `below`, u: the weight of that. Four codes with weights
 * (1024 - u)(1024 - v), (1024 - u) v, u (1024 - v) and u v are two with 1024 - v and v, each two with 1024 - u and u.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_resize_linear_s8_line(const mcuq_resize_linear_s8_params *p, const int8_t *x,
                                                          const int8_t *below, int32_t u, int8_t *y)
{
    const int16_t *cols = p->cols;
    const int16_t *weights = p->col_weights;
    for (int32_t left = p->out_w; left > 0; left--) {
        const int32_t v = *weights;
        const int32_t first = *cols;
        const int32_t next = first + ((v != 0) ? 1 : 0); /* nothing behind the last column is read */
        const int32_t before = (x[first] * 1024) + ((below[first] - x[first]) * u);
        const int32_t behind = (x[next] * 1024) + ((below[next] - x[next]) * u);
        *y = mcuq_resize_linear_s8_rounded((before * 1024) + ((behind - before) * v));
        weights++;
        cols++;
        y++;
    }
}

/*
 * y = x at row rows[i] + row_weights[i] / 1024 and column cols[j] + col_weights[j] / 1024, linear in between:
 * the sum of four codes times their weights, divided by 2^20, ties away from 0. Sums are at most 2^27. No overlap.
 */
MCUQ_CALLED void mcuq_resize_linear_s8(const mcuq_resize_linear_s8_params *p, const int8_t *restrict x,
                                       int8_t *restrict y)
{
    const int32_t line = p->in_w * p->channels;
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            const int32_t u = p->row_weights[oy];
            const int32_t down = (u != 0) ? line : 0; /* nothing behind the last row is read */
            const int8_t *const row = &x[p->rows[oy] * line];
            if (p->channels == 1) {
                if (u == 0) {
                    mcuq_resize_linear_s8_flat(p, row, y);
                } else {
                    mcuq_resize_linear_s8_line(p, row, &row[line], u, y);
                }
                y = &y[p->out_w];
            } else {
                for (int32_t ox = 0; ox < p->out_w; ox++) {
                    const int32_t v = p->col_weights[ox];
                    const int32_t right = (v != 0) ? p->channels : 0; /* nor behind the last column */
                    mcuq_resize_linear_s8_pixel(&row[p->cols[ox] * p->channels], y, p->channels, down, right, u, v);
                    y = &y[p->channels];
                }
            }
        }
        x = &x[p->in_h * line];
    }
}

#endif
