/*
 * Depthwise convolution from strips, int8, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_MVE_H
#define MCUQ_DEPTHWISE_CONV2D_S8_MVE_H

#include "mcuq_rows_mve.h"
#include "mcuq_strip_mve.h"

/*
 * Shapes: x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c], out_c = in_c * per_channel. weights and channels are
 * those of four output channels after another, as mcuq_strip_mve.h has them, the input's zero point folded into the
 * biases; taps go column by column, and where is_long over reach_w columns, with zeros where the window has gaps.
 * weights_step: weights of four channels. Outputs are made in tiles of tile_h (1 where is_long) by tile_w. A strip
 * takes `pitch` codes, a column of it column_c.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t per_channel;
    int32_t kernel_h;
    int32_t reach_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t dilation_h;
    int32_t pad_top;
    int32_t pad_left;
    int32_t tile_h;
    int32_t tile_w;
    int32_t column_c;
    int32_t pitch;
    int32_t is_long;
    int32_t taps;
    int32_t weights_step;
    int32_t has_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *channels;
    const int8_t *places;
} mcuq_depthwise_conv2d_s8_mve_params;

/*
 * A tile of outputs: y is channel 0 of its first pixel, windows begin at (row, col) of image x and read rows
 * [top, bottom) of `read`.
 */
typedef struct {
    const int8_t *x;
    int8_t *y;
    int32_t row;
    int32_t col;
    int32_t count;
    int32_t rows;
    int32_t read;
    int32_t top;
    int32_t bottom;
} mcuq_depthwise_conv2d_s8_mve_tile;

/* The strips of `lanes` channels from `first` on. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_mve_strips(const mcuq_depthwise_conv2d_s8_mve_params *p,
                                                     const mcuq_depthwise_conv2d_s8_mve_tile *t, int32_t first,
                                                     int32_t lanes, int8_t *strips)
{
    const int32_t columns = ((t->count - 1) * p->stride_w) + p->reach_w;
    const int32_t left = (t->col < 0) ? -t->col : 0;
    const int32_t behind = p->in_w - t->col;
    const int32_t right = (behind < columns) ? behind : columns;
    const mcuq_strip_mve_part part = {
        .columns = right - left,
        .x_step = p->in_c,
        .column_c = p->column_c,
        .pitch = p->pitch,
        .lanes = lanes,
        .rows = t->bottom - t->top,
        .row_step = p->dilation_h * p->in_w * p->in_c,
    };
    if ((left > 0) || (right < columns) || (part.rows < t->read)) {
        mcuq_rows_mve_fill(strips, p->x_zero_point, lanes * p->pitch);
    }
    if ((part.columns > 0) && (part.rows > 0)) {
        const int32_t at = ((t->row + (t->top * p->dilation_h)) * p->in_w) + t->col + left;
        mcuq_strip_mve_fill(&strips[(left * p->column_c) + t->top], &t->x[(at * p->in_c) + first], &part);
    }
}

/* The outputs of `lanes` input channels from `first` on, a multiple of 4 of them but at the end. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_mve_filters(const mcuq_depthwise_conv2d_s8_mve_params *p,
                                                      const mcuq_depthwise_conv2d_s8_mve_tile *t, int32_t first,
                                                      int32_t lanes, const int8_t *strips)
{
    const int32_t from = first * p->per_channel;
    const int32_t count = lanes * p->per_channel;
    mcuq_strip_mve_walk walk = {
        .y = &t->y[from],
        .step = p->stride_w * p->column_c,
        .out_c = p->out_c,
        .channels = &p->channels[3 * from],
        .y_zero_point = p->y_zero_point,
        .count = t->count,
        .weights = &p->weights[(from / 4) * p->weights_step],
        .taps = p->taps,
        .has_left = p->has_left,
        .places = p->places,
        .rows = t->rows,
        .x_next = p->stride_h - (t->count * p->stride_w * p->column_c),
        .y_next = (p->out_w - t->count) * p->out_c,
    };
    for (int32_t m = 0; m < count; m += 4) {
        const int32_t last = lanes - 1;
        const int32_t channel[3] = {(m + 1) / p->per_channel, (m + 2) / p->per_channel, (m + 3) / p->per_channel};
        walk.lanes = ((count - m) < 4) ? (count - m) : 4;
        walk.x0 = &strips[(m / p->per_channel) * p->pitch];
        walk.x1 = &strips[((channel[0] < last) ? channel[0] : last) * p->pitch];
        walk.x2 = &strips[((channel[1] < last) ? channel[1] : last) * p->pitch];
        walk.x3 = &strips[((channel[2] < last) ? channel[2] : last) * p->pitch];
        if (p->is_long != 0) {
            mcuq_strip_mve_long(&walk);
        } else {
            mcuq_strip_mve_short(&walk);
        }
        walk.y = &walk.y[4];
        walk.channels = &walk.channels[12];
        walk.weights = &walk.weights[p->weights_step];
    }
}

/* `rows` rows of outputs of an image, up to tile_h, y: their first code; windows of the first one begin in `row`. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_mve_rows(const mcuq_depthwise_conv2d_s8_mve_params *p, const int8_t *x,
                                                   int8_t *y, int32_t row, int32_t rows, int8_t *strips)
{
    mcuq_depthwise_conv2d_s8_mve_tile tile = {
        .x = x,
        .row = row,
        .rows = rows,
        .read = ((rows - 1) * p->stride_h) + p->kernel_h,
        .top = mcuq_rows_mve_first(row, p->dilation_h),
    };
    tile.bottom = mcuq_rows_mve_last(row, p->in_h, p->dilation_h, tile.read);
    for (int32_t ox = 0; ox < p->out_w; ox += p->tile_w) {
        const int32_t left = p->out_w - ox;
        tile.y = &y[ox * p->out_c];
        tile.col = (ox * p->stride_w) - p->pad_left;
        tile.count = (left < p->tile_w) ? left : p->tile_w;
        for (int32_t c = 0; c < p->in_c; c += 8) {
            const int32_t lanes = ((p->in_c - c) < 8) ? (p->in_c - c) : 8;
            mcuq_depthwise_conv2d_s8_mve_strips(p, &tile, c, lanes, strips);
            mcuq_depthwise_conv2d_s8_mve_filters(p, &tile, c, lanes, strips);
        }
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        mcuq_strip_mve_limit(y, rows * p->out_w * p->out_c, p->lo, p->hi);
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point: the same sums as with a centred x and zeros outside.
 *
 * Output channel m reads input channel m / per_channel. scratch: 8 * pitch + 16 bytes; it overlaps nothing. Where
 * per_channel is 1, y may overlap x a multiple of in_c codes away where nothing is read any more: of each tile eight
 * channels are read before these channels are written.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_mve(const mcuq_depthwise_conv2d_s8_mve_params *p, const int8_t *x, int8_t *y,
                                              int8_t *scratch)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy += p->tile_h) {
            const int32_t rows = ((p->out_h - oy) < p->tile_h) ? (p->out_h - oy) : p->tile_h;
            mcuq_depthwise_conv2d_s8_mve_rows(p, x, y, (oy * p->stride_h) - p->pad_top, rows, scratch);
            y = &y[rows * p->out_w * p->out_c];
        }
        x = &x[p->in_h * p->in_w * p->in_c];
    }
}

#endif
