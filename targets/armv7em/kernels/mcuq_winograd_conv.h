/*
 * What 3x3 convolutions by Winograd's minimal filtering share: parameters, the way of tiles in and out.
 *
 * A tile is a square of outputs, `edge` by `edge`, and the (edge + 2) by (edge + 2) inputs under it.
 */
#ifndef MCUQ_WINOGRAD_CONV_H
#define MCUQ_WINOGRAD_CONV_H

#include "mcuq_winograd_gemm.h"

/*
 * x [n][in_h][in_w][in_c], y [n][out_h][out_w][out_c], stride 1. wide_c: in_c filled up to a multiple of 4, with
 * weights of 0.
 * weights [out_c / 4][positions][wide_c / 2][4]: the transformed window of four output channels at each position, a
 * pair of int16 in a word: input channels 0 and 2 before 1 and 3 of four.
 * channels [out_c][4]: a multiple of the bias with the input's zero point folded in, multiplier, right shift, and the
 * offset of mcuq_requantize_dsp. Channels of zeros fill up out_c to a multiple of 4 in both.
 * odd: those for which that is not exact, as mcuq_channel_dsp_odd has them; in channels their bias is 0.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t in_c;
    int32_t out_h;
    int32_t out_w;
    int32_t out_c;
    int32_t wide_c;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero_point;
    int32_t lo;
    int32_t hi;
    const int32_t *weights;
    const int32_t *channels;
    const int32_t *odd;
} mcuq_winograd_conv_params;

/* Where the inputs of a tile lie: rows and columns are so many bytes apart. */
typedef struct {
    const int8_t *x;
    int32_t row_bytes;
    int32_t col_bytes;
} mcuq_winograd_conv_patch;

/* Two tiles of an image, count of them (1 or 2) in use: their outputs begin at (row, col). */
typedef struct {
    int32_t count;
    int32_t row[2];
    int32_t col[2];
} mcuq_winograd_conv_tiles;

/* `count` codes, most of them by words. */
static inline int8_t *mcuq_winograd_conv_copy(int8_t *to, const int8_t *x, int32_t count)
{
    int32_t i = 0;
    for (; (i + 16) <= count; i += 16) {
        (void)memcpy(&to[i], &x[i], 16);
    }
    for (; (i + 4) <= count; i += 4) {
        (void)memcpy(&to[i], &x[i], 4);
    }
    for (; i < count; i++) {
        to[i] = x[i];
    }
    return &to[count];
}

/* Zero points, `count` of them, a multiple of 4. */
static inline int8_t *mcuq_winograd_conv_fill(int8_t *to, int32_t zero_point, int32_t count)
{
    const uint32_t word = (uint32_t)(uint8_t)zero_point * 0x01010101U;
    for (int32_t i = 0; i < count; i += 4) {
        (void)memcpy(&to[i], &word, sizeof word);
    }
    return &to[count];
}

/* The inputs of a tile at (row, col) of x, side by side, the zero point where they lie outside. */
MCUQ_KERNEL void mcuq_winograd_conv_gather(const mcuq_winograd_conv_params *p, int32_t edge, const int8_t *x,
                                           int32_t row, int32_t col, int8_t *to)
{
    const int32_t side = edge + 2;
    const int32_t right = ((p->in_w - col) < side) ? (p->in_w - col) : side;
    const int32_t left = (col < 0) ? -col : 0;
    for (int32_t i = row; i < (row + side); i++) {
        if ((i < 0) || (i >= p->in_h) || (left >= right)) {
            to = mcuq_winograd_conv_fill(to, p->x_zero_point, side * p->wide_c);
        } else {
            const int8_t *from = &x[((i * p->in_w) + col + left) * p->in_c];
            to = mcuq_winograd_conv_fill(to, p->x_zero_point, left * p->wide_c);
            if (p->in_c == p->wide_c) {
                to = mcuq_winograd_conv_copy(to, from, (right - left) * p->in_c);
            } else {
                for (int32_t j = left; j < right; j++) {
                    (void)mcuq_winograd_conv_fill(&to[p->wide_c - 4], p->x_zero_point, 4);
                    (void)mcuq_winograd_conv_copy(to, from, p->in_c);
                    from = &from[p->in_c];
                    to = &to[p->wide_c];
                }
            }
            to = mcuq_winograd_conv_fill(to, p->x_zero_point, (side - right) * p->wide_c);
        }
    }
}

/* The inputs of the tile whose outputs begin at (row, col). patch: (edge + 2) * (edge + 2) * wide_c bytes. */
MCUQ_KERNEL mcuq_winograd_conv_patch mcuq_winograd_conv_find(const mcuq_winograd_conv_params *p, int32_t edge,
                                                             const int8_t *x, int32_t row, int32_t col, int8_t *patch)
{
    const int32_t side = edge + 2;
    const int32_t top = row - p->pad_top;
    const int32_t left = col - p->pad_left;
    const int32_t is_readable = (MCUQ_HAS_UNALIGNED != 0) || (MCUQ_HAS_DSP == 0);
    const int32_t is_inside = (top >= 0) && (left >= 0) && ((top + side) <= p->in_h) && ((left + side) <= p->in_w);
    mcuq_winograd_conv_patch found = {.x = patch, .row_bytes = side * p->wide_c, .col_bytes = p->wide_c};
    if ((is_inside != 0) && (is_readable != 0) && (p->in_c == p->wide_c)) {
        found.x = &x[((top * p->in_w) + left) * p->in_c];
        found.row_bytes = p->in_w * p->in_c;
    } else {
        mcuq_winograd_conv_gather(p, edge, x, top, left, patch);
    }
    return found;
}

/* Four channels of a whole tile whose codes need no other limits. */
static inline void mcuq_winograd_conv_store(const mcuq_winograd_conv_params *p, int32_t edge, const int8_t *codes,
                                            int8_t *y)
{
    const int32_t step = p->out_c;
    for (int32_t i = 0; i < edge; i++) {
        uint32_t words[4];
        (void)memcpy(words, &codes[4 * edge * i], 8);
        if (edge == 4) {
            (void)memcpy(&words[2], &codes[(16 * i) + 8], 8);
            (void)memcpy(&y[2 * step], &words[2], 4);
            (void)memcpy(&y[3 * step], &words[3], 4);
        }
        (void)memcpy(y, &words[0], 4);
        (void)memcpy(&y[step], &words[1], 4);
        y = &y[p->out_w * step];
    }
}

/* Channels from `channel` on, up to four, of `count` outputs of a row, limited. */
MCUQ_KERNEL void mcuq_winograd_conv_limit(const mcuq_winograd_conv_params *p, const int8_t *codes, int8_t *y,
                                          int32_t channel, int32_t count)
{
    const int32_t channels = ((p->out_c - channel) < 4) ? (p->out_c - channel) : 4;
    for (int32_t i = 0; i < count; i++) {
        for (int32_t c = 0; c < channels; c++) {
            y[c] = mcuq_clamp(codes[(4 * i) + c], p->lo, p->hi);
        }
        y = &y[p->out_c];
    }
}

/* What of codes [tiles][edge][edge][4] lies in the image, from `channel` on. */
MCUQ_KERNEL void mcuq_winograd_conv_scatter(const mcuq_winograd_conv_params *p, int32_t edge,
                                            const mcuq_winograd_conv_tiles *tiles, const int8_t *codes, int8_t *y,
                                            int32_t channel)
{
    const int32_t is_plain = ((p->out_c - channel) >= 4) && (p->lo == -128) && (p->hi == 127);
    for (int32_t tile = 0; tile < tiles->count; tile++) {
        const int32_t down = p->out_h - tiles->row[tile];
        const int32_t across = p->out_w - tiles->col[tile];
        int8_t *to = &y[(((tiles->row[tile] * p->out_w) + tiles->col[tile]) * p->out_c) + channel];
        if ((is_plain != 0) && (down >= edge) && (across >= edge)) {
            mcuq_winograd_conv_store(p, edge, codes, to);
        } else {
            for (int32_t i = 0; (i < edge) && (i < down); i++) {
                mcuq_winograd_conv_limit(p, &codes[4 * edge * i], to, channel, (across < edge) ? across : edge);
                to = &to[p->out_w * p->out_c];
            }
        }
        codes = &codes[4 * edge * edge];
    }
}

#endif
