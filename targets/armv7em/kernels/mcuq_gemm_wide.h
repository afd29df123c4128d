/*
 * The product of 2 rows with 4 columns, both of 16-bit halves.
 */
#ifndef MCUQ_GEMM_WIDE_H
#define MCUQ_GEMM_WIDE_H

#include "mcuq_dsp.h"

/*
 * a: words of pairs of halves, of two rows in turn; b: of four columns in turn. a_end - a: a multiple of 8 words, at
 * least 8. y: the code of row 0 and column 0; those of row 1 lie `stride` codes on, or in the same place where there is
 * no such row: then stride is 0. right: 1 to 23, offset: mcuq_offset_dsp.
 */
typedef struct {
    const mcuq_word *a;
    const mcuq_word *a_end;
    const mcuq_word *b;
    int8_t *y;
    int32_t stride;
    int32_t multiplier;
    int32_t right;
    int32_t offset;
} mcuq_gemm_wide_walk;

#if MCUQ_HAS_DSP

/* A pair of halves of each row and column: 16 products in 18 cycles. */
#define MCUQ_GEMM_WIDE_STEP                                                                                \
    "ldr.w r2, [r0, #8*\\at]\n ldr.w r3, [r0, #8*\\at + 4]\n"                                              \
    "ldr.w r12, [r1, #16*\\at]\n ldr.w lr, [r1, #16*\\at + 4]\n"                                           \
    "smlad r4, r2, r12, r4\n smlad r5, r2, lr, r5\n smlad r8, r3, r12, r8\n smlad r9, r3, lr, r9\n"        \
    "ldr.w r12, [r1, #16*\\at + 8]\n ldr.w lr, [r1, #16*\\at + 12]\n"                                      \
    "smlad r6, r2, r12, r6\n smlad r7, r2, lr, r7\n smlad r10, r3, r12, r10\n smlad r11, r3, lr, r11\n"

/*
 * A sum to its code; r0 = multiplier, r1 = right, r2 = offset. The sign of the sum stands for that of the high half of
 * the product: they differ where that is 0, and then 2^(right - 1) - 1 and 2^(right - 1) are shifted to the same.
 */
#define MCUQ_GEMM_WIDE_CODE                                                                                \
    "lsl.w \\sum, \\sum, #1\n add.w lr, r2, \\sum, asr #31\n smmlar \\sum, \\sum, r0, lr\n"                 \
    "asr.w \\sum, \\sum, r1\n ssat \\sum, #8, \\sum\n"

/*
 * y[row * stride + column] = requantize(sum of a * b) for 2 rows and 4 columns, limited to int8; no sum reaches 2^30.
 *
 * The stack holds, by offset: 0 a_end, 4 y, 8 stride, 12 multiplier, 16 right, 20 offset. The sums of row 0 are in r4
 * to r7, those of row 1 in r8 to r11.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_wide(const mcuq_gemm_wide_walk *walk)
{
    MCUQ_REGISTER(const mcuq_gemm_wide_walk *, r0, walk);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r0, {r0-r7}\n push {r1, r3-r7}\n mov r1, r2\n"
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11\n mov.w \\sum, #0\n .endr\n"
        ".p2align 2\n"
        "1:\n .irp at, 0, 1, 2, 3\n" MCUQ_GEMM_WIDE_STEP ".endr\n"
        "ldr.n r2, [sp, #0]\n adds.n r0, r0, #32\n adds.n r1, r1, #64\n cmp.n r0, r2\n bne.w 1b\n"
        "ldr.n r0, [sp, #12]\n ldr.n r1, [sp, #16]\n ldr.n r2, [sp, #20]\n nop.n\n"
        ".irp sum, r4, r5, r6, r7, r8, r9, r10, r11\n" MCUQ_GEMM_WIDE_CODE ".endr\n"
        "ldr.n r2, [sp, #4]\n ldr.n r3, [sp, #8]\n add.w r3, r3, r2\n"
        "strb.w r8, [r3, #0]\n strb.w r9, [r3, #1]\n strb.w r10, [r3, #2]\n strb.w r11, [r3, #3]\n"
        "strb.n r4, [r2, #0]\n strb.n r5, [r2, #1]\n strb.n r6, [r2, #2]\n strb.n r7, [r2, #3]\n"
        "add sp, sp, #24\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_wide(const mcuq_gemm_wide_walk *walk)
{
    const int32_t pairs = (int32_t)((walk->a_end - walk->a) / 2);
    for (int32_t row = (walk->stride == 0) ? 0 : 1; row >= 0; row--) {
        for (int32_t column = 0; column < 4; column++) {
            int32_t sum = 0;
            for (int32_t k = 0; k < pairs; k++) {
                sum = mcuq_smlad(walk->a[(2 * k) + row], walk->b[(4 * k) + column], sum);
            }
            walk->y[(row * walk->stride) + column] =
                (int8_t)mcuq_requantize_dsp(sum, walk->multiplier, walk->right, walk->offset);
        }
    }
}

#endif

/*
 * How a row or column of halves is made: codes `step` apart, less a zero point; words that belong together lie `lines`
 * apart. minus: -zero_point in both halves.
 */
typedef struct {
    int32_t depth;
    int32_t wide;
    int32_t step;
    int32_t zero_point;
    uint32_t minus;
    int32_t lines;
} mcuq_gemm_wide_line;

/* Pairs of halves (0, 2) and (1, 3) of every four codes, from a multiple of 4 on; zeros behind the last code. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_wide_expand(const mcuq_gemm_wide_line *line, int32_t start,
                                                     const int8_t *from, mcuq_word *to)
{
    const int32_t lines = line->lines;
    const int32_t step = line->step;
    const int32_t zero_point = line->zero_point;
    const uint32_t minus = line->minus;
    const int32_t last = line->depth - 4;
    int32_t put = (start / 2) * lines;
    int32_t k = start;
    for (; (k <= last) && (step == 1); k += 4) {
        const uint32_t word = mcuq_load4(&from[k]);
        to[put] = mcuq_sxtab16(minus, word);
        to[put + lines] = mcuq_sxtab16_odd(minus, word);
        put += 2 * lines;
    }
    for (; k <= last; k += 4) {
        const int32_t at = k * step;
        const int32_t a = from[at] - zero_point;
        const int32_t b = from[at + step] - zero_point;
        const int32_t c = from[at + (2 * step)] - zero_point;
        const int32_t d = from[at + (3 * step)] - zero_point;
        to[put] = mcuq_pack_low((uint32_t)a, (uint32_t)c);
        to[put + lines] = mcuq_pack_low((uint32_t)b, (uint32_t)d);
        put += 2 * lines;
    }
    for (; k < line->wide; k += 4) {
        int8_t four[4];
        for (int32_t i = 0; i < 4; i++) {
            four[i] = ((k + i) < line->depth) ? from[(k + i) * step] : (int8_t)zero_point;
        }
        const uint32_t word = mcuq_load4(four);
        to[put] = mcuq_sxtab16(minus, word);
        to[put + lines] = mcuq_sxtab16_odd(minus, word);
        put += 2 * lines;
    }
}

/* Four columns whose codes lie side by side: as the above, four columns by four codes at a time. */
MCUQ_KERNEL void mcuq_gemm_wide_gather(const mcuq_gemm_wide_line *line, const int8_t *from, mcuq_word *to)
{
    const uint32_t minus = line->minus;
    mcuq_word *put = to;
    int32_t k = 0;
    for (; (k + 4) <= line->depth; k += 4) {
        for (int32_t half = 0; half < 2; half++) {
            const uint32_t a = mcuq_load4(&from[(k + half) * line->step]);
            const uint32_t b = mcuq_load4(&from[(k + half + 2) * line->step]);
            const uint32_t a_even = mcuq_sxtab16(minus, a);
            const uint32_t a_odd = mcuq_sxtab16_odd(minus, a);
            const uint32_t b_even = mcuq_sxtab16(minus, b);
            const uint32_t b_odd = mcuq_sxtab16_odd(minus, b);
            put[0] = mcuq_pack_low(a_even, b_even);
            put[1] = mcuq_pack_low(a_odd, b_odd);
            put[2] = mcuq_pack_high(a_even, b_even);
            put[3] = mcuq_pack_high(a_odd, b_odd);
            put = &put[4];
        }
    }
    for (int32_t column = 0; (column < 4) && (k < line->wide); column++) {
        mcuq_gemm_wide_expand(line, k, &from[column], &to[column]);
    }
}

#endif
