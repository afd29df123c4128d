/*
 * Fully connected layers whose input or output is int16, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_MIXED_DSP_H
#define MCUQ_LINEAR_MIXED_DSP_H

#include "mcuq_halves_dsp.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]. weights [out_c / 4][wide_c / 2][8]: of four channels a0 b0 a1 b1, then c0
 * d0 c1 d1; weights of 0 fill up in_c to wide_c, a multiple of 4, channels of zeros out_c. channels: as
 * mcuq_halves_channel.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t wide_c;
    int32_t out_c;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    int32_t is_slow;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_linear_mixed_dsp_params;

/* Products of two codes and the weights of four channels are added. */
#define MCUQ_LINEAR_MIXED_DSP_ADD(word, both, others)           \
    do {                                                        \
        a = mcuq_smlad(mcuq_sxtb16(both), word, a);             \
        b = mcuq_smlad(mcuq_sxtb16_odd(both), word, b);         \
        c = mcuq_smlad(mcuq_sxtb16(others), word, c);           \
        d = mcuq_smlad(mcuq_sxtb16_odd(others), word, d);       \
    } while (0)

/* The sums of four channels, begun with the bias. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_linear_mixed_dsp_four(const mcuq_word *x, const mcuq_word *end,
                                                          const mcuq_word *w, int32_t sums[4])
{
    int32_t a = sums[0];
    int32_t b = sums[1];
    int32_t c = sums[2];
    int32_t d = sums[3];
    for (; x != end; x = &x[2]) {
        const uint32_t first = x[0];
        const uint32_t second = x[1];
        const uint32_t w0 = w[0];
        const uint32_t w1 = w[1];
        const uint32_t w2 = w[2];
        const uint32_t w3 = w[3];
        w = &w[4];
        MCUQ_LINEAR_MIXED_DSP_ADD(first, w0, w1);
        MCUQ_LINEAR_MIXED_DSP_ADD(second, w2, w3);
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * x and y are int16 or int8, as is said of each. scratch: 2 * wide_c bytes, aligned to 4; it overlaps nothing. y may
 * overlap x where nothing is read any more: a row is read before it is written.
 */
MCUQ_INLINE void mcuq_linear_mixed_dsp(const mcuq_linear_mixed_dsp_params *p, const void *x, int32_t is_x_wide,
                                       void *y, int32_t is_y_wide, int8_t *scratch)
{
    const mcuq_halves_end end = {p->y_zero_point, p->lo, p->hi};
    mcuq_word *const wide = (mcuq_word *)(void *)scratch;
    int32_t place = 0;
    (void)memset(scratch, 0, 2U * (size_t)p->wide_c);
    for (int32_t row = 0; row < p->rows; row++) {
        const mcuq_word *w = (const mcuq_word *)(const void *)p->weights;
        for (int32_t k = 0; k < (p->in_c - 1); k += 2) {
            wide[k / 2] = mcuq_load_two(mcuq_mixed_at(x, k, is_x_wide), is_x_wide);
        }
        if ((p->in_c % 2) != 0) {
            wide[p->in_c / 2] = (uint32_t)mcuq_mixed_code(x, p->in_c - 1, is_x_wide) & 0xFFFFU;
        }
        for (int32_t m = 0; m < p->out_c; m += 4) {
            mcuq_halves_channel channels[4];
            int32_t sums[4];
            (void)memcpy(channels, &p->channels[4 * m], sizeof channels);
            for (int32_t i = 0; i < 4; i++) {
                sums[i] = channels[i].bias;
            }
            mcuq_linear_mixed_dsp_four(wide, &wide[p->wide_c / 2], w, sums);
            for (int32_t i = 0; (i < 4) && ((m + i) < p->out_c); i++) {
                mcuq_halves_put(y, place, mcuq_halves_code(sums[i], &channels[i], &end), is_y_wide);
                place++;
            }
            w = &w[p->wide_c];
        }
        x = mcuq_mixed_at(x, p->in_c, is_x_wide);
    }
}

#endif
