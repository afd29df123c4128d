/*
 * What kernels of recurrent layers for DSP cores share: sums of products, four rows at a time.
 */
#ifndef MCUQ_RECURRENT_DSP_H
#define MCUQ_RECURRENT_DSP_H

#include "mcuq_gemm_4x1.h"
#include "mcuq_recurrent.h"

/*
 * Fours of rows of `wide` weights as mcuq_gemm_4x1 reads them; bias, in which zero points are folded modulo 2^32,
 * multiplier and shift hold one element per row.
 */
typedef struct {
    int32_t wide;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_recurrent_dsp_sums;

/* How many halves a row of count codes takes. */
static inline int32_t mcuq_recurrent_dsp_wide(int32_t count)
{
    return (count + 7) & ~7;
}

/* Where element k of a row stands among its halves. */
static inline int32_t mcuq_recurrent_dsp_place(int32_t k)
{
    return (k & ~3) | ((k & 1) << 1) | ((k >> 1) & 1);
}

/* requantize(bias + sum x * w) of the rows from a multiple of 4 on; at most 2^28: proved by the compiler. */
MCUQ_KERNEL void mcuq_recurrent_dsp_four(const mcuq_recurrent_dsp_sums *s, int32_t row, const mcuq_word *x,
                                         int32_t sums[4])
{
    (void)memcpy(sums, &s->bias[row], 4U * sizeof sums[0]);
    mcuq_gemm_4x1(x, &s->weights[row * s->wide], &x[s->wide / 2], sums);
    for (int32_t i = 0; i < 4; i++) {
        sums[i] = mcuq_requantize(sums[i], s->multiplier[row + i], s->shift[row + i]);
    }
}

#endif
