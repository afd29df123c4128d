/*
 * What kernels share whose input or output may be int8 or int16 beside weights of four bits: sums of four outputs.
 */
#ifndef MCUQ_MIXED_W4_H
#define MCUQ_MIXED_W4_H

#include "mcuq_mixed.h"
#include "mcuq_quad4.h"

/*
 * sums[i] += sum over k of (x[k] - zero_point) * w[k][i], k < count and i < 4; weights [count][2], the first of two in
 * a byte in its low bits.
 *
 * 256 products of 2^15 and 2^3 at most stay in int32; the zero point of int16 is 0.
 */
MCUQ_INLINE void mcuq_mixed_w4_dot(const void *x, const int8_t *w, int32_t count, int32_t zero_point, int32_t is_wide,
                                   int64_t *sums)
{
    for (int32_t start = 0; start < count; start += 256) {
        const int32_t end = ((count - start) > 256) ? (start + 256) : count;
        int32_t a = 0;
        int32_t b = 0;
        int32_t c = 0;
        int32_t d = 0;
        for (int32_t k = start; k < end; k++) {
            const int32_t code = mcuq_mixed_code(x, k, is_wide) - zero_point;
            a += code * mcuq_quad4_low(w[2 * k]);
            b += code * mcuq_quad4_high(w[2 * k]);
            c += code * mcuq_quad4_low(w[(2 * k) + 1]);
            d += code * mcuq_quad4_high(w[(2 * k) + 1]);
        }
        sums[0] += a;
        sums[1] += b;
        sums[2] += c;
        sums[3] += d;
    }
}

/* Channels of a layer: how each becomes codes. */
typedef struct {
    mcuq_mixed_end end;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} mcuq_mixed_w4_channels;

/* Codes of `count` channels from number m on, from their sums, into y from element `at` on. */
MCUQ_INLINE void mcuq_mixed_w4_put(const mcuq_mixed_w4_channels *to, int32_t m, int32_t count, const int64_t *sums,
                                   void *y, int32_t at, int32_t is_wide)
{
    for (int32_t i = 0; i < count; i++) {
        mcuq_mixed_put(to->end, y, at + i, to->bias[m + i] + sums[i], to->multiplier[m + i], to->shift[m + i],
                       is_wide);
    }
}

#endif
