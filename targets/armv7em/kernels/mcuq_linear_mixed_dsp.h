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

#if MCUQ_HAS_DSP

/* Two words of weights, of channels a and b, c and d, and the word of x that they meet. */
#define MCUQ_LINEAR_MIXED_DSP_STEP(ab, cd, x)                                                            \
    "sxtb16 r3, " #ab "\n smlad r4, r3, " #x ", r4\n sxtb16 " #ab ", " #ab ", ror #8\n"                   \
    "smlad r5, " #ab ", " #x ", r5\n sxtb16 r3, " #cd "\n smlad r6, r3, " #x ", r6\n"                     \
    "sxtb16 " #cd ", " #cd ", ror #8\n smlad r7, " #cd ", " #x ", r7\n"

/* The sums of four channels, begun with the bias. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_linear_mixed_dsp_four(const mcuq_word *x, const mcuq_word *end,
                                                          const mcuq_word *w, int32_t *sums)
{
    MCUQ_REGISTER(const mcuq_word *, r0, x);
    MCUQ_REGISTER(const mcuq_word *, r1, end);
    MCUQ_REGISTER(const mcuq_word *, r2, w);
    MCUQ_REGISTER(int32_t *, r3, sums);
    __asm__ volatile("push {r3-r11, lr}\n ldm r3, {r4-r7}\n cmp r0, r1\n beq 2f\n"
                     ".p2align 2\n"
                     "1:\n ldm r2!, {r8-r11}\n ldrd r12, lr, [r0], #8\n"
                     MCUQ_LINEAR_MIXED_DSP_STEP(r8, r9, r12)
                     MCUQ_LINEAR_MIXED_DSP_STEP(r10, r11, lr)
                     "cmp r0, r1\n bne 1b\n"
                     "2:\n ldr r3, [sp, #0]\n stm r3, {r4-r7}\n pop {r3-r11, lr}\n"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                     :
                     : "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_linear_mixed_dsp_four(const mcuq_word *x, const mcuq_word *end, const mcuq_word *w,
                                            int32_t *sums)
{
    for (; x != end; x = &x[1]) {
        for (int32_t i = 0; i < 2; i++) {
            sums[2 * i] = mcuq_smlad(mcuq_sxtb16(w[i]), *x, sums[2 * i]);
            sums[(2 * i) + 1] = mcuq_smlad(mcuq_sxtb16_odd(w[i]), *x, sums[(2 * i) + 1]);
        }
        w = &w[2];
    }
}

#endif

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
