/*
 * Winograd's transforms for 2x2 outputs of a 3x3 window, exact in integers.
 *
 * With d the 4x4 inputs of a tile, g the window's weights, and
 *
 *     B' = | 1  0 -1  0 |    2G = | 2  0  0 |    A' = | 1  1  1  0 |
 *          | 0  1  1  0 |         | 1  1  1 |         | 0  1 -1 -1 |
 *          | 0 -1  1  0 |         | 1 -1  1 |
 *          | 0  1  0 -1 |         | 0  0  2 |
 *
 * four times the 2x2 sums are A' ((2G) g (2G)' * B' d B) A. Codes give |B' d B| <= 512, weights |(2G) g (2G)'| <= 1152.
 */
#ifndef MCUQ_WINOGRAD_2X2_H
#define MCUQ_WINOGRAD_2X2_H

#include "mcuq_winograd_conv.h"

#define MCUQ_WINOGRAD_2X2_POSITIONS 16

/* Two of four channels of a column, B' times its four rows. */
static inline void mcuq_winograd_2x2_column(const mcuq_winograd_conv_patch *patch, const int8_t *x, int32_t is_odd,
                                            uint32_t d[4])
{
    const uint32_t row0 = mcuq_load4(x);
    const uint32_t row1 = mcuq_load4(&x[patch->row_bytes]);
    const uint32_t row2 = mcuq_load4(&x[2 * patch->row_bytes]);
    const uint32_t row3 = mcuq_load4(&x[3 * patch->row_bytes]);
    const uint32_t x0 = (is_odd != 0) ? mcuq_sxtb16_odd(row0) : mcuq_sxtb16(row0);
    const uint32_t x1 = (is_odd != 0) ? mcuq_sxtb16_odd(row1) : mcuq_sxtb16(row1);
    const uint32_t x2 = (is_odd != 0) ? mcuq_sxtb16_odd(row2) : mcuq_sxtb16(row2);
    const uint32_t x3 = (is_odd != 0) ? mcuq_sxtb16_odd(row3) : mcuq_sxtb16(row3);
    d[0] = mcuq_ssub16(x0, x2);
    d[1] = mcuq_sadd16(x1, x2);
    d[2] = mcuq_ssub16(x2, x1);
    d[3] = mcuq_ssub16(x1, x3);
}

/* Two of four channels of a tile; the positions are `step` words apart in v. */
static inline void mcuq_winograd_2x2_pair(const mcuq_winograd_conv_patch *patch, const int8_t *x, int32_t is_odd,
                                          mcuq_word *v, int32_t step)
{
    uint32_t a[4];
    uint32_t b[4];
    mcuq_winograd_2x2_column(patch, &x[2 * patch->col_bytes], is_odd, b);
    mcuq_winograd_2x2_column(patch, x, is_odd, a);
    for (int32_t i = 0; i < 4; i++) {
        v[4 * i * step] = mcuq_ssub16(a[i], b[i]);
    }
    mcuq_winograd_2x2_column(patch, &x[patch->col_bytes], is_odd, a);
    for (int32_t i = 0; i < 4; i++) {
        v[((4 * i) + 1) * step] = mcuq_sadd16(a[i], b[i]);
        v[((4 * i) + 2) * step] = mcuq_ssub16(b[i], a[i]);
    }
    mcuq_winograd_2x2_column(patch, &x[3 * patch->col_bytes], is_odd, b);
    for (int32_t i = 0; i < 4; i++) {
        v[((4 * i) + 3) * step] = mcuq_ssub16(a[i], b[i]);
    }
}

/*
 * B' d B of a tile: v[position][channels / 2][2], channels 0 and 2 before 1 and 3 of four; the other tile of two lies
 * between. channels: a multiple of 4.
 */
MCUQ_KERNEL void mcuq_winograd_2x2_input(const mcuq_winograd_conv_patch *patch, int32_t channels, mcuq_word *v)
{
    for (int32_t c = 0; c < channels; c += 4) {
        mcuq_winograd_2x2_pair(patch, &patch->x[c], 0, &v[c], channels);
        mcuq_winograd_2x2_pair(patch, &patch->x[c], 1, &v[c + 2], channels);
    }
}

/* The code of four times a sum, which is a multiple of 4. channel: its bias, multiplier, right shift and offset. */
static inline int8_t mcuq_winograd_2x2_code(uint32_t sum, const int32_t *channel)
{
    return (int8_t)mcuq_requantize_doubled_dsp((int32_t)sum >> 1, channel[1], channel[2], channel[3]);
}

/*
 * The codes of a tile's 2x2 outputs of a channel, four codes apart.
 *
 * sums [16][4][2]: of this channel and tile. channel: four times its bias, multiplier, right shift, and the offset of
 * mcuq_requantize_dsp. Sums wrap; four times the sum of a channel and its bias lies within int32.
 */
static inline void mcuq_winograd_2x2_tile(const mcuq_word *sums, const int32_t *channel, int8_t *codes)
{
    uint32_t a[4];
    uint32_t b[4];
    for (int32_t j = 0; j < 4; j++) {
        const uint32_t m0 = sums[8 * j];
        const uint32_t m1 = sums[8 * (4 + j)] + ((j == 1) ? (uint32_t)channel[0] : 0U);
        const uint32_t m2 = sums[8 * (8 + j)];
        const uint32_t m3 = sums[8 * (12 + j)];
        a[j] = m0 + m1 + m2;
        b[j] = m1 - m2 - m3;
    }
    codes[0] = mcuq_winograd_2x2_code(a[0] + a[1] + a[2], channel);
    codes[4] = mcuq_winograd_2x2_code(a[1] - a[2] - a[3], channel);
    codes[8] = mcuq_winograd_2x2_code(b[0] + b[1] + b[2], channel);
    codes[12] = mcuq_winograd_2x2_code(b[1] - b[2] - b[3], channel);
}

/* codes [tiles][2][2][4] of four channels. tiles: 1 or 2. */
MCUQ_KERNEL void mcuq_winograd_2x2_output(const mcuq_word *sums, const int32_t *channels, int8_t *codes, int32_t tiles)
{
    for (int32_t c = 0; c < 4; c++) {
        for (int32_t tile = 0; tile < tiles; tile++) {
            mcuq_winograd_2x2_tile(&sums[(2 * c) + tile], &channels[4 * c], &codes[(16 * tile) + c]);
        }
    }
}

#endif
