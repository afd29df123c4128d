/*
 * Fully connected with the weights of two channels in one halfword, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_LINEAR_S8_PAIRED_H
#define MCUQ_LINEAR_S8_PAIRED_H

#include "mcuq_gemm_8x1.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]. wide_c is in_c filled up to a multiple of 4 with weights of 0.
 * weights [out_c / 8][wide_c / 2][16], then for up to 7 channels more [rest / 4][wide_c / 2][8]: as mcuq_gemm_8x1 reads
 * them, codes 0 and 2 before 1 and 3 of four. channels: as there, the input's zero point folded into the bias. Channels
 * of zeros fill up the last four; those behind the last eight are the words from `last` on.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t wide_c;
    int32_t out_c;
    int32_t lo;
    int32_t hi;
    int32_t last;
    const int8_t *weights;
    const int32_t *channels;
} mcuq_linear_s8_paired_params;

/* One row of x as pairs of halves, (x[0], x[2]) and (x[1], x[3]); zeros behind it. */
MCUQ_KERNEL void mcuq_linear_s8_paired_expand(mcuq_word *to, const int8_t *from, int32_t count)
{
    for (; count >= 16; count -= 16) {
        const uint32_t a = mcuq_load4(&from[0]);
        const uint32_t b = mcuq_load4(&from[4]);
        const uint32_t c = mcuq_load4(&from[8]);
        const uint32_t d = mcuq_load4(&from[12]);
        to[0] = mcuq_sxtb16(a);
        to[1] = mcuq_sxtb16_odd(a);
        to[2] = mcuq_sxtb16(b);
        to[3] = mcuq_sxtb16_odd(b);
        to[4] = mcuq_sxtb16(c);
        to[5] = mcuq_sxtb16_odd(c);
        to[6] = mcuq_sxtb16(d);
        to[7] = mcuq_sxtb16_odd(d);
        from = &from[16];
        to = &to[8];
    }
    for (; count > 0; count -= 4) {
        int8_t four[4] = {0, 0, 0, 0};
        for (int32_t k = 0; (k < 4) && (k < count); k++) {
            four[k] = from[k];
        }
        to[0] = mcuq_sxtb16(mcuq_load4(four));
        to[1] = mcuq_sxtb16_odd(mcuq_load4(four));
        from = (count > 4) ? &from[4] : from;
        to = &to[2];
    }
}

/* The channels behind the last eight, by way of a block. */
MCUQ_KERNEL void mcuq_linear_s8_paired_rest(const mcuq_linear_s8_paired_params *p, mcuq_gemm_8x1_walk *walk, int8_t *y)
{
    int8_t codes[8];
    const int32_t eights = p->out_c / 8;
    const int32_t rest = p->out_c % 8;
    mcuq_gemm_8x1_begin(walk, walk->x, p->wide_c, MCUQ_GEMM_8X1_FOURS);
    walk->y = codes;
    walk->groups = (rest + 3) / 4;
    walk->weights = &p->weights[8 * eights * p->wide_c];
    walk->channels = &p->channels[p->last];
    mcuq_gemm_8x1_fours(walk);
    for (int32_t i = 0; i < rest; i++) {
        y[(8 * eights) + i] = codes[i];
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w.
 *
 * scratch: 2 * wide_c bytes, aligned to 4; it overlaps nothing. y may overlap x where nothing is read any more: a
 * row is read before it is written.
 */
MCUQ_CALLED void mcuq_linear_s8_paired(const mcuq_linear_s8_paired_params *p, const int8_t *x, int8_t *y,
                                       int8_t *scratch)
{
    mcuq_word *const wide = (mcuq_word *)(void *)scratch;
    mcuq_gemm_8x1_walk walk;
    for (int32_t row = 0; row < p->rows; row++) {
        mcuq_linear_s8_paired_expand(wide, x, p->in_c);
        mcuq_gemm_8x1_begin(&walk, wide, p->wide_c, MCUQ_GEMM_8X1_EIGHTS);
        if (p->out_c >= 8) {
            walk.y = y;
            walk.groups = p->out_c / 8;
            walk.weights = p->weights;
            walk.channels = p->channels;
            mcuq_gemm_8x1(&walk);
        }
        if ((p->out_c % 8) != 0) {
            mcuq_linear_s8_paired_rest(p, &walk, y);
        }
        if ((p->lo != -128) || (p->hi != 127)) {
            for (int32_t i = 0; i < p->out_c; i++) {
                y[i] = mcuq_clamp(y[i], p->lo, p->hi);
            }
        }
        x = &x[p->in_c];
        y = &y[p->out_c];
    }
}

#endif
