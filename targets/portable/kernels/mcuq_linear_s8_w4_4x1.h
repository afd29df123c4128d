/*
 * Fully connected layer, int8, weights of four bits: four outputs at a time.
 */
#ifndef MCUQ_LINEAR_S8_W4_4X1_H
#define MCUQ_LINEAR_S8_W4_4X1_H

#include "mcuq_outputs.h"
#include "mcuq_quad4.h"

/*
 * Shapes: x [rows][in_c], y [rows][out_c]. weights: outputs by fours as [in_c][2], the first of two in a byte in its
 * low bits, outputs of zeros filling up the last four. bias [out_c and what the last four lack], the input's zero
 * point folded in, multiplier and shift [out_c].
 */
typedef struct {
    int32_t rows;
    int32_t in_c;
    int32_t out_c;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_linear_s8_w4_4x1_params;

/* Four sums, begun with the bias; weights [count][2]. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_linear_s8_w4_4x1_sums(const int8_t *x, const int8_t *w, int32_t count,
                                                          const int32_t *bias, int32_t *sums)
{
    const int8_t *const end = &x[count];
    int32_t a = bias[0];
    int32_t b = bias[1];
    int32_t c = bias[2];
    int32_t d = bias[3];
    for (; x != end; x = &x[1]) {
        a += *x * mcuq_quad4_low(w[0]);
        b += *x * mcuq_quad4_high(w[0]);
        c += *x * mcuq_quad4_low(w[1]);
        d += *x * mcuq_quad4_high(w[1]);
        w = &w[2];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w: the same
 * sums as with a centred x.
 *
 * x and y do not overlap. No sum leaves int32: proved by the model's compiler.
 */
MCUQ_CALLED void mcuq_linear_s8_w4_4x1(const mcuq_linear_s8_w4_4x1_params *p, const int8_t *restrict x,
                                       int8_t *restrict y)
{
    const mcuq_outputs to = {p->multiplier, p->shift, p->y_zero_point, p->lo, p->hi};
    int32_t sums[4];
    const mcuq_outputs_block block = {.sums = sums, .width = 1, .count = 1, .step = 0};
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t m = 0; m < p->out_c; m += 4) {
            const int32_t channels = ((p->out_c - m) < 4) ? (p->out_c - m) : 4;
            mcuq_linear_s8_w4_4x1_sums(x, w, p->in_c, &p->bias[m], sums);
            mcuq_outputs_store(&to, m, channels, &block, &y[m]);
            w = &w[2 * p->in_c];
        }
        x = &x[p->in_c];
        y = &y[p->out_c];
    }
}

#endif
