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
 * has_odd: whether any four are odd. Then weights are blocks of eight channels, as many as there are in a row without
 * odd fours and without the last four where these are filled up, and otherwise of four.
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t wide_c;
    int32_t out_c;
    int32_t lo;
    int32_t hi;
    int32_t last;
    int32_t has_odd;
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

/* Up to four channels, fewer by way of a block: the words behind theirs. */
MCUQ_KERNEL const int32_t *mcuq_linear_s8_paired_four(const mcuq_linear_s8_paired_params *p, mcuq_gemm_8x1_walk *walk,
                                                      int8_t *y, int32_t count)
{
    const int32_t first = walk->channels[0];
    const int32_t own = (first == 0) ? 13 : 9;
    const int32_t *const next = &walk->channels[(first < 0) ? -first : own];
    int8_t codes[4];
    int8_t *const to = (count == 4) ? y : codes;
    if (first < 0) {
        mcuq_gemm_8x1_odd(walk->x, p->wide_c, walk->weights, walk->channels, to);
    } else {
        mcuq_gemm_8x1_begin(walk, walk->x, p->wide_c, MCUQ_GEMM_8X1_FOURS);
        walk->y = to;
        walk->groups = 1;
        mcuq_gemm_8x1_fours(walk);
    }
    for (int32_t i = 0; (i < count) && (count < 4); i++) {
        y[i] = codes[i];
    }
    return next;
}

/* All channels where some are odd: eights up to the next odd four, others by fours. */
MCUQ_KERNEL void mcuq_linear_s8_paired_mixed(const mcuq_linear_s8_paired_params *p, mcuq_gemm_8x1_walk *walk, int8_t *y)
{
    int32_t left = p->out_c;
    walk->weights = p->weights;
    walk->channels = p->channels;
    while (left > 0) {
        const int32_t *next = walk->channels;
        const int32_t *last = next;
        walk->groups = 0;
        while ((left >= (8 * (walk->groups + 1))) && (mcuq_gemm_paired_run(last, 2, &last) == 2)) {
            next = last;
            walk->groups++;
        }
        int32_t count = (left < 4) ? left : 4;
        if (walk->groups > 0) {
            mcuq_gemm_8x1_begin(walk, walk->x, p->wide_c, MCUQ_GEMM_8X1_EIGHTS);
            walk->y = y;
            mcuq_gemm_8x1(walk);
            count = 8 * walk->groups;
        } else {
            next = mcuq_linear_s8_paired_four(p, walk, y, count);
        }
        walk->weights = &walk->weights[count * p->wide_c];
        walk->channels = next;
        y = &y[count];
        left -= count;
    }
}

/* The same where none are. */
MCUQ_KERNEL void mcuq_linear_s8_paired_all(const mcuq_linear_s8_paired_params *p, mcuq_gemm_8x1_walk *walk, int8_t *y)
{
    mcuq_gemm_8x1_begin(walk, walk->x, p->wide_c, MCUQ_GEMM_8X1_EIGHTS);
    if (p->out_c >= 8) {
        walk->y = y;
        walk->groups = p->out_c / 8;
        walk->weights = p->weights;
        walk->channels = p->channels;
        mcuq_gemm_8x1(walk);
    }
    if ((p->out_c % 8) != 0) {
        mcuq_linear_s8_paired_rest(p, walk, y);
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
        walk.x = wide;
        if (p->has_odd != 0) {
            mcuq_linear_s8_paired_mixed(p, &walk, y);
        } else {
            mcuq_linear_s8_paired_all(p, &walk, y);
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
