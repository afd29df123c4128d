/*
 * Fully connected layers whose input or output is int16, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_MIXED_DSP_H
#define MCUQ_LINEAR_MIXED_DSP_H

#include "mcuq_gemm_4x1_s16.h"
#include "mcuq_halves_row.h"

/*
 * Shapes: x [rows][in_c], in_c below 2^16, y [rows][out_c]. weights [out_c / 4][wide_c / 2][8]: as mcuq_gemm_4x1_s16
 * reads them; weights of 0 fill up in_c to wide_c, a multiple of 4, channels of zeros out_c. channels: likewise, the
 * input's zero point folded into the bias. A channel whose sums are requantized in full has its bias instead of twice
 * it, and as right shift 64 less its shift, 34 to 95; its four are slow, and all are where limits are not those of
 * int16, or 0 and 32767, or codes are int8. runs: how many fours are fast, how many that follow are slow, again how
 * many are fast, until these are all.
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
    const int8_t *weights;
    const int32_t *channels;
    const int32_t *runs;
} mcuq_linear_mixed_dsp_params;

/* `groups` fast fours of channels from m on; y: the code of the first. */
MCUQ_KERNEL void mcuq_linear_mixed_dsp_fast(const mcuq_linear_mixed_dsp_params *p, mcuq_gemm_4x1_s16_walk *walk,
                                            int32_t m, int32_t groups, mcuq_int16 *y)
{
    const int32_t rest = ((m + (4 * groups)) > p->out_c) ? (p->out_c % 4) : 0;
    mcuq_int16 codes[4];
    walk->weights = &p->weights[m * p->wide_c];
    walk->channels = &p->channels[4 * m];
    walk->groups = (rest > 0) ? (groups - 1) : groups;
    walk->end = (p->lo == 0) ? MCUQ_GEMM_4X1_S16_POSITIVE : MCUQ_GEMM_4X1_S16_ALL;
    walk->y = y;
    if (walk->groups > 0) {
        mcuq_gemm_4x1_s16(walk);
    }
    if (rest > 0) {
        const int32_t last = 4 * walk->groups;
        walk->weights = &walk->weights[last * p->wide_c];
        walk->channels = &walk->channels[4 * last];
        walk->groups = 1;
        walk->y = codes;
        mcuq_gemm_4x1_s16(walk);
        for (int32_t i = 0; i < rest; i++) {
            y[last + i] = codes[i];
        }
    }
}

/* Up to four channels from m on, each requantized as it needs; at: the first one's place in y. */
MCUQ_INLINE void mcuq_linear_mixed_dsp_slow(const mcuq_linear_mixed_dsp_params *p, mcuq_gemm_4x1_s16_walk *walk,
                                            int32_t m, void *y, int32_t at, int32_t is_wide)
{
    const mcuq_halves_end end = {p->y_zero_point, p->lo, p->hi};
    int32_t sums[4];
    walk->weights = &p->weights[m * p->wide_c];
    walk->groups = 1;
    walk->end = MCUQ_GEMM_4X1_S16_SUMS;
    walk->y = (mcuq_int16 *)(void *)sums;
    mcuq_gemm_4x1_s16(walk);
    for (int32_t i = 0; (i < 4) && ((m + i) < p->out_c); i++) {
        mcuq_halves_channel channel;
        (void)memcpy(&channel, &p->channels[4 * (m + i)], sizeof channel);
        const int32_t bias = (channel.right <= MCUQ_HALVES_DSP_MOST) ? (channel.bias / 2) : channel.bias;
        mcuq_halves_put(y, at + i, mcuq_halves_code(sums[i] + bias, &channel, &end), is_wide);
    }
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
    mcuq_word *const wide = (mcuq_word *)(void *)scratch;
    (void)memset(scratch, 0, 2U * (size_t)p->wide_c);
    for (int32_t row = 0; row < p->rows; row++) {
        const int32_t at = row * p->out_c;
        const int32_t *run = p->runs;
        mcuq_gemm_4x1_s16_walk walk;
        const int32_t sum = mcuq_halves_row_expand(wide, x, p->in_c, is_x_wide);
        mcuq_gemm_4x1_s16_begin(&walk, wide, p->wide_c, sum);
        int32_t m = 0;
        while (m < p->out_c) {
            if ((is_y_wide != 0) && (run[0] > 0)) {
                mcuq_linear_mixed_dsp_fast(p, &walk, m, run[0], &((mcuq_int16 *)y)[at + m]);
            }
            m += 4 * run[0];
            for (int32_t i = 0; i < run[1]; i++) {
                mcuq_linear_mixed_dsp_slow(p, &walk, m, y, at + m, is_y_wide);
                m += 4;
            }
            run = &run[2];
        }
        x = mcuq_mixed_at(x, p->in_c, is_x_wide);
    }
}

#endif
