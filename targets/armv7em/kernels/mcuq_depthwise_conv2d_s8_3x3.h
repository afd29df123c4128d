/*
 * Depthwise convolution with windows of 3x3 at stride 1 or 2, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_3X3_H
#define MCUQ_DEPTHWISE_CONV2D_S8_3X3_H

#include "mcuq_channel_dsp.h"
#include "mcuq_depthwise_3x3.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; channels is a multiple of 4. stride: 1 or 2.
 * band_h: rows of outputs that a tile has room for; at least 2, or out_h.
 * weights [channels][3][3]; addend, multiplier and scale [channels]: see mcuq_depthwise_3x3_walk, the input's zero
 * point in the bias. odd: channels for which neither form is exact, as mcuq_channel_dsp_odd has them.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    int32_t stride;
    int32_t pad_top;
    int32_t pad_left;
    int32_t band_h;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *addend;
    const int32_t *multiplier;
    const int8_t *scale;
    const int32_t *odd;
} mcuq_depthwise_conv2d_s8_3x3_params;

/* Outputs [y][x] of a tile: rows by cols of them from (y, x) on. */
typedef struct {
    int32_t y;
    int32_t x;
    int32_t rows;
    int32_t cols;
} mcuq_depthwise_conv2d_s8_3x3_tile;

/* What a tile reads: where its pixels inside the image begin, in x and in the tile, and how they are laid out. */
typedef struct {
    int32_t from;
    int32_t to;
    mcuq_depthwise_tile_rows rows;
} mcuq_depthwise_conv2d_s8_3x3_reach;

/* The least and the greatest of [first, first + count) that lie in [0, limit), as distances from first; hi >= lo. */
static inline void mcuq_depthwise_conv2d_s8_3x3_clip(int32_t first, int32_t count, int32_t limit, int32_t *lo,
                                                     int32_t *hi)
{
    const int32_t before = (first < 0) ? -first : 0;
    const int32_t inside = ((limit - first) < count) ? (limit - first) : count;
    *lo = (before < count) ? before : count;
    *hi = (inside < *lo) ? *lo : inside;
}

/* Where a tile reads. The tile is filled with zero points first: what lies outside stays so for all channels. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_3x3_lay(const mcuq_depthwise_conv2d_s8_3x3_params *p,
                                                  const mcuq_depthwise_conv2d_s8_3x3_tile *tile, mcuq_word *planes,
                                                  mcuq_depthwise_conv2d_s8_3x3_reach *reach)
{
    const int32_t rows = ((tile->rows - 1) * p->stride) + 3;
    const int32_t cols = ((tile->cols - 1) * p->stride) + 3;
    const int32_t row = (tile->y * p->stride) - p->pad_top;
    const int32_t col = (tile->x * p->stride) - p->pad_left;
    int32_t top;
    int32_t bottom;
    int32_t lo;
    int32_t hi;
    mcuq_depthwise_conv2d_s8_3x3_clip(row, rows, p->in_h, &top, &bottom);
    mcuq_depthwise_conv2d_s8_3x3_clip(col, cols, p->in_w, &lo, &hi);
    if ((top > 0) || (bottom < rows) || (lo > 0) || (hi < cols)) {
        mcuq_depthwise_tile_fill(planes, rows, p->x_zero_point);
    }
    const int32_t is_left = lo % 2;
    const int32_t is_right = hi % 2;
    const int32_t is_empty = (lo == hi) || (top == bottom);
    reach->from = (is_empty != 0) ? 0 : ((((row + top) * p->in_w) + col + lo) * p->channels);
    reach->to = (top * MCUQ_DEPTHWISE_TILE_ROW) + (lo / 2);
    reach->rows.step = p->channels;
    reach->rows.rows = (is_empty != 0) ? 0 : (bottom - top);
    reach->rows.pairs = ((hi - is_right) - (lo + is_left)) / 2;
    reach->rows.x_skip = (p->in_w - (hi - is_right - lo)) * p->channels;
    reach->rows.to_skip = 4 * (MCUQ_DEPTHWISE_TILE_ROW - (((hi + is_right) - (lo - is_left)) / 2));
    reach->rows.outside = (uint32_t)(uint8_t)p->x_zero_point * 0x01010101U;
    reach->rows.is_left = is_left;
    reach->rows.is_right = is_right;
}

/* Weights of a row, as pairs for an output whose window begins with the first or with the second pixel of a word. */
static inline void mcuq_depthwise_conv2d_s8_3x3_pairs(const int8_t *weights, uint32_t pairs[4])
{
    const uint32_t first = (uint32_t)(int32_t)weights[0];
    const uint32_t second = (uint32_t)(int32_t)weights[1];
    const uint32_t third = (uint32_t)(int32_t)weights[2];
    pairs[0] = mcuq_pack_low(first, second);
    pairs[1] = third & 0xFFFFU;
    pairs[2] = first << 16;
    pairs[3] = mcuq_pack_low(second, third);
}

/* An odd channel of a tile, whose codes times 256 planes holds; y: its first output. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_3x3_odd(const mcuq_depthwise_conv2d_s8_3x3_params *p,
                                                                const mcuq_depthwise_conv2d_s8_3x3_tile *tile,
                                                                const mcuq_word *planes, const int32_t *odd,
                                                                int8_t *y)
{
    const mcuq_word *const plane = &planes[MCUQ_DEPTHWISE_TILE_WORDS * (odd[0] % 4)];
    uint32_t pairs[3][4];
    for (int32_t i = 0; i < 3; i++) {
        mcuq_depthwise_conv2d_s8_3x3_pairs(&p->weights[(9 * odd[0]) + (3 * i)], pairs[i]);
    }
    for (int32_t row = 0; row < tile->rows; row++) {
        int8_t *to = &y[row * p->out_w * p->channels];
        for (int32_t col = 0; col < tile->cols; col++) {
            const mcuq_word *x = &plane[(row * p->stride * MCUQ_DEPTHWISE_TILE_ROW) + ((col * p->stride) / 2)];
            const int32_t at = 2 * ((col * p->stride) % 2);
            /* What lies behind the third pixel may never have been written. */
            const uint32_t mask = (at == 0) ? 0xFFFFU : 0xFFFFFFFFU;
            int32_t sum = 0;
            for (int32_t i = 0; i < 3; i++) {
                sum = mcuq_smlad(x[0], pairs[i][at], sum);
                sum = mcuq_smlad(x[1] & mask, pairs[i][at + 1], sum);
                x = &x[MCUQ_DEPTHWISE_TILE_ROW];
            }
            *to = mcuq_channel_dsp_odd(odd, sum >> 8);
            to = &to[p->channels];
        }
    }
}

/* All channels of a tile; y: its first output. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_3x3_tiled(const mcuq_depthwise_conv2d_s8_3x3_params *p, const int8_t *x,
                                                    const mcuq_depthwise_conv2d_s8_3x3_tile *tile, int8_t *y,
                                                    mcuq_word *planes)
{
    const int32_t pairs = tile->cols / 2;
    const int32_t row = p->out_w * p->channels;
    /* Copies: a store of a code could change what p points to, for all the compiler knows. */
    const int32_t channels = p->channels;
    const int32_t stride = p->stride;
    const int32_t *odd = p->odd;
    int32_t next_odd = odd[0];
    mcuq_depthwise_conv2d_s8_3x3_reach reach;
    mcuq_depthwise_3x3_walk walk = {
        .pixel = p->channels,
        .row = row,
        .pairs = 4 * p->stride * pairs,
        .x_skip = 4 * p->stride * ((2 * MCUQ_DEPTHWISE_TILE_ROW) - pairs),
        .y_skip = (2 * row) - (tile->cols * p->channels),
        .rows = tile->rows / 2,
        .is_odd = tile->cols % 2,
        .is_single = tile->rows % 2,
        .addend = p->addend,
        .multiplier = p->multiplier,
        .scale = p->scale,
        .weights = p->weights,
        .y_zero_point = p->y_zero_point,
    };
    mcuq_depthwise_conv2d_s8_3x3_lay(p, tile, planes, &reach);
    mcuq_word *const to = &planes[reach.to];
    const int8_t *const from = &x[reach.from];
    const int32_t is_read = (reach.rows.rows > 0);
    for (int32_t c = 0; c < channels; c += 4) {
        if (is_read != 0) {
            mcuq_depthwise_tile_read(to, &from[c], &reach.rows);
        }
        if (stride == 1) {
            mcuq_depthwise_3x3_s1(planes, &y[c], &walk);
        } else {
            mcuq_depthwise_3x3_s2(planes, &y[c], &walk);
        }
        while (next_odd < (c + 4)) {
            mcuq_depthwise_conv2d_s8_3x3_odd(p, tile, planes, odd, &y[next_odd]);
            odd = &odd[MCUQ_CHANNEL_DSP_ODD];
            next_odd = odd[0];
        }
    }
}

/* The codes of a tile limited to [lo, hi]; y: its first output. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_3x3_limit(const mcuq_depthwise_conv2d_s8_3x3_params *p,
                                                    const mcuq_depthwise_conv2d_s8_3x3_tile *tile, int8_t *y)
{
    for (int32_t row = 0; row < tile->rows; row++) {
        int8_t *const codes = &y[row * p->out_w * p->channels];
        for (int32_t i = 0; i < (tile->cols * p->channels); i++) {
            codes[i] = mcuq_clamp(codes[i], p->lo, p->hi);
        }
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point.
 *
 * scratch: 144 * ((rows - 1) * stride + 3) bytes, where rows is band_h or, if that is 1, 2, since rows are computed in
 * pairs; aligned to 4; it overlaps nothing. y may overlap x a multiple of `channels` codes away where nothing is read
 * any more: of each tile four channels are read before these channels are written.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_3x3(const mcuq_depthwise_conv2d_s8_3x3_params *p, const int8_t *x,
                                              int8_t *y, int8_t *scratch)
{
    const int32_t width = 16 / p->stride;
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_depthwise_conv2d_s8_3x3_tile tile;
        for (tile.y = 0; tile.y < p->out_h; tile.y += tile.rows) {
            /* Rows are computed in pairs: an odd one only at the end. */
            tile.rows = ((p->out_h - tile.y) <= p->band_h) ? (p->out_h - tile.y) : (p->band_h & ~1);
            for (tile.x = 0; tile.x < p->out_w; tile.x += width) {
                int8_t *const codes = &y[((tile.y * p->out_w) + tile.x) * p->channels];
                tile.cols = ((p->out_w - tile.x) < width) ? (p->out_w - tile.x) : width;
                mcuq_depthwise_conv2d_s8_3x3_tiled(p, x, &tile, codes, (mcuq_word *)(void *)scratch);
                if ((p->lo != -128) || (p->hi != 127)) {
                    mcuq_depthwise_conv2d_s8_3x3_limit(p, &tile, codes);
                }
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
        y = &y[p->out_h * p->out_w * p->channels];
    }
}

#endif
