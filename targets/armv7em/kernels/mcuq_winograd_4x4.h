/*
 * Winograd's transforms for 4x4 outputs of a 3x3 window, exact in integers.
 *
 * With d the 6x6 inputs of a tile, g the window's weights, and
 *
 *     B' = | 4  0 -5  0  1  0 |    G = | 6  0  0 |    A' = | 1 -4 -4  1  1  0 |
 *          | 0 -4 -4  1  1  0 |        | 1  1  1 |         | 0 -2  2  1 -1  0 |
 *          | 0  4 -4 -1  1  0 |        | 1 -1  1 |         | 0 -1 -1  1  1  0 |
 *          | 0 -2 -1  2  1  0 |        | 1  2  4 |         | 0 -1  1  2 -2  1 |
 *          | 0  2 -1 -2  1  0 |        | 1 -2  4 |
 *          | 0  4  0 -5  0  1 |        | 0  0  6 |
 *
 * A' (G g G' * B' d B) A is the 4x4 sums, those of row i and column j times f[i] f[j], f = {24, 12, 6, 6}.
 * Codes give |B' d B| <= 12800, weights |G g G'| <= 6272.
 */
#ifndef MCUQ_WINOGRAD_4X4_H
#define MCUQ_WINOGRAD_4X4_H

#include "mcuq_winograd_conv.h"

#define MCUQ_WINOGRAD_4X4_POSITIONS 36

/* 1 / 9 modulo 2^32: f[i] f[j] are 9 times powers of two. */
#define MCUQ_WINOGRAD_4X4_NINTH 0x38E38E39U

/* A' times six sums, modulo 2^32. */
static inline void mcuq_winograd_4x4_sums(const uint32_t m[6], uint32_t z[4])
{
    const uint32_t even = m[1] + m[2];
    const uint32_t odd = m[1] - m[2];
    const uint32_t far_even = m[3] + m[4];
    const uint32_t far_odd = m[3] - m[4];
    z[0] = m[0] + far_even - (4U * even);
    z[1] = far_odd - (2U * odd);
    z[2] = far_even - even;
    z[3] = m[5] + (2U * far_odd) - odd;
}

/* Twice the 16 sums of a channel of a tile, whose position (1, 1) gets `more`. */
MCUQ_KERNEL void mcuq_winograd_4x4_doubled(const mcuq_word *sums, uint32_t more, int32_t doubled[16])
{
    uint32_t columns[6][4];
    for (int32_t j = 0; j < 6; j++) {
        uint32_t m[6];
        for (int32_t i = 0; i < 6; i++) {
            m[i] = sums[8 * ((6 * i) + j)];
        }
        /* A' weighs this one with f[i] f[j] / 36. */
        m[1] += (j == 1) ? more : 0U;
        mcuq_winograd_4x4_sums(m, columns[j]);
    }
    for (int32_t i = 0; i < 4; i++) {
        const uint32_t m[6] = {columns[0][i], columns[1][i], columns[2][i],
                               columns[3][i], columns[4][i], columns[5][i]};
        /* The sums are times f[i] f[j] = 9 * 2^shift. */
        const int32_t shift = (i < 2) ? (3 - i) : 1;
        uint32_t z[4];
        mcuq_winograd_4x4_sums(m, z);
        doubled[(4 * i)] = (int32_t)(z[0] * MCUQ_WINOGRAD_4X4_NINTH) >> (shift + 2);
        doubled[(4 * i) + 1] = (int32_t)(z[1] * MCUQ_WINOGRAD_4X4_NINTH) >> (shift + 1);
        doubled[(4 * i) + 2] = (int32_t)(z[2] * MCUQ_WINOGRAD_4X4_NINTH) >> shift;
        doubled[(4 * i) + 3] = (int32_t)(z[3] * MCUQ_WINOGRAD_4X4_NINTH) >> shift;
    }
}

/* The codes of an odd channel of a tile, four codes apart. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_4x4_odd(const mcuq_word *sums, const int32_t *odd, int8_t *codes)
{
    int32_t doubled[16];
    mcuq_winograd_4x4_doubled(sums, 0U, doubled);
    for (int32_t i = 0; i < 16; i++) {
        codes[4 * i] = mcuq_channel_dsp_odd(odd, doubled[i] >> 1);
    }
}

#if MCUQ_HAS_DSP

/* B' times six values in r4 to r9, two at a time: 20 instructions for the products with 2, 3, 4 and 5. */
#define MCUQ_WINOGRAD_4X4_LINE                                                                             \
    "ssub16 r10, r7, r5\n ssub16 r11, r8, r6\n sadd16 r12, r10, r10\n ssub16 r4, r4, r6\n"                 \
    "sadd16 r4, r4, r4\n sadd16 r4, r4, r4\n sadd16 r4, r4, r11\n"                                         \
    "ssub16 r9, r9, r7\n ssub16 r9, r9, r12\n ssub16 r9, r9, r12\n"                                        \
    "sadd16 r7, r11, r12\n ssub16 r8, r11, r12\n"                                                          \
    "ssub16 r10, r10, r5\n ssub16 r10, r10, r5\n ssub16 r10, r10, r5\n"                                    \
    "ssub16 r11, r11, r6\n ssub16 r11, r11, r6\n ssub16 r11, r11, r6\n"                                    \
    "sadd16 r5, r11, r10\n ssub16 r6, r11, r10\n"

/* A column of six inputs at r0, whose second is at lr; two of four channels, transformed to every sixth word at r1. */
#define MCUQ_WINOGRAD_4X4_COLUMN(half, to)                                                                 \
    "ldr.w r4, [r0]\n ldr.w r5, [lr]\n ldr.w r6, [r0, r2, lsl #1]\n ldr.w r7, [lr, r2, lsl #1]\n"          \
    "ldr.w r8, [r0, r2, lsl #2]\n ldr.w r9, [lr, r2, lsl #2]\n"                                            \
    "sxtb16 r4, r4" half "\n sxtb16 r5, r5" half "\n sxtb16 r6, r6" half "\n sxtb16 r7, r7" half "\n"      \
    "sxtb16 r8, r8" half "\n sxtb16 r9, r9" half "\n" MCUQ_WINOGRAD_4X4_LINE                               \
    "str.w r4, [r1, #" #to "]\n str.w r5, [r1, #" #to " + 24]\n str.w r6, [r1, #" #to " + 48]\n"           \
    "str.w r7, [r1, #" #to " + 72]\n str.w r8, [r1, #" #to " + 96]\n str.w r9, [r1, #" #to " + 120]\n"

/* A row of six transformed columns at r0, to words at r1 that are r2 bytes apart. */
#define MCUQ_WINOGRAD_4X4_ROW                                                                              \
    "ldm.w r0!, {r4-r9}\n add.w lr, r1, r2\n" MCUQ_WINOGRAD_4X4_LINE                                       \
    "str.w r4, [r1]\n str.w r5, [lr]\n str.w r6, [r1, r2, lsl #1]\n str.w r7, [lr, r2, lsl #1]\n"          \
    "str.w r8, [r1, r2, lsl #2]\n str.w r9, [lr, r2, lsl #2]\n"                                            \
    "add.w r1, lr, r2, lsl #2\n add.w r1, r1, r2\n"

/*
 * B' d B of a tile: v[position][channels / 2][2], channels 0 and 2 before 1 and 3 of four; the other tile of two lies
 * between. channels: a multiple of 4.
 *
 * The stack holds, by offset: 0 and 144 the transformed columns [6][6] of channels 0 and 2, 1 and 3; 288 x, 292
 * row_bytes, 296 col_bytes, 300 v, 304 4 * channels, 308 channels that are left.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_4x4_input(const mcuq_winograd_conv_patch *patch, int32_t channels,
                                                       mcuq_word *v)
{
    MCUQ_REGISTER(const mcuq_winograd_conv_patch *, r0, patch);
    MCUQ_REGISTER(int32_t, r1, channels);
    MCUQ_REGISTER(mcuq_word *, r2, v);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #316\n ldm r0, {r4-r6}\n mov r7, r2\n lsl r8, r1, #2\n mov r9, r1\n"
        "add r10, sp, #288\n stm r10, {r4-r9}\n"
        ".p2align 2\n"
        "1:\n add.w r1, sp, #288\n ldm.w r1, {r0, r2, r3}\n mov.w r1, sp\n"
        "2:\n add.w lr, r0, r2\n" MCUQ_WINOGRAD_4X4_COLUMN("", 0) MCUQ_WINOGRAD_4X4_COLUMN(", ror #8", 144)
        "add.w r1, r1, #4\n sub.w r4, sp, r1\n add.w r0, r0, r3\n adds.w r4, r4, #24\n bne.w 2b\n"
        "mov.w r0, sp\n ldr.w r1, [sp, #300]\n ldr.w r2, [sp, #304]\n mov.w r3, #3\n"
        "3:\n" MCUQ_WINOGRAD_4X4_ROW MCUQ_WINOGRAD_4X4_ROW
        "subs.w r3, r3, #1\n bne.w 3b\n"
        "add.w r4, sp, #144\n cmp.n r0, r4\n bne.n 4f\n"
        "ldr.w r1, [sp, #300]\n mov.w r3, #3\n add.w r1, r1, #8\n b.w 3b\n"
        "4:\n add.w r4, sp, #288\n ldm.w r4, {r0-r3, r5, r6}\n add.w r0, r0, #4\n add.w r3, r3, #16\n"
        "subs.w r6, r6, #4\n stm.w r4, {r0-r3, r5, r6}\n bne.w 1b\n"
        "add sp, sp, #316\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/* A' times six sums in r4 to r9, to r4, r7, r8 and r9. */
#define MCUQ_WINOGRAD_4X4_SUMS                                                                             \
    "sub.w r5, r5, r6\n sub.w r7, r7, r8\n add.w r6, r5, r6, lsl #1\n add.w r8, r7, r8, lsl #1\n"          \
    "add.w r4, r4, r8\n sub.w r8, r8, r6\n add.w r9, r9, r7, lsl #1\n sub.w r4, r4, r6, lsl #2\n"          \
    "sub.w r9, r9, r5\n sub.w r7, r7, r5, lsl #1\n"

/* A sum to its code: r10 makes it 2^(shift + 1) times the sum; r0, r1, r12: multiplier, offset, right shift - 1. */
#define MCUQ_WINOGRAD_4X4_CODE(z, shift)                                                                   \
    "mul " #z ", " #z ", r10\n asr.w " #z ", " #z ", #" #shift "\n add.w r5, r1, " #z ", asr #31\n"        \
    "smmlar " #z ", " #z ", r0, r5\n asr.w " #z ", " #z ", r12\n ssat " #z ", #8, " #z ", asr #1\n"

/* A row of four codes, at bytes on. */
#define MCUQ_WINOGRAD_4X4_CODES(at)                                                                        \
    "ldm.w r3!, {r4-r9}\n" MCUQ_WINOGRAD_4X4_SUMS MCUQ_WINOGRAD_4X4_CODE(r4, 5) MCUQ_WINOGRAD_4X4_CODE(r7, 4)   \
    MCUQ_WINOGRAD_4X4_CODE(r8, 3) MCUQ_WINOGRAD_4X4_CODE(r9, 3)                                            \
    "strb.w r4, [r2, #" #at "]\n strb.w r7, [r2, #" #at " + 4]\n strb.w r8, [r2, #" #at " + 8]\n"          \
    "strb.w r9, [r2, #" #at " + 12]\n"

/*
 * The codes of a tile's 4x4 outputs, four channels each.
 *
 * sums [36][4][2]: those of this tile; they are changed. channels [4][4]: 36 times the bias, multiplier, right shift,
 * and the offset of mcuq_requantize_dsp. Sums wrap; 64 times the sum of a channel and its bias lies within int32.
 *
 * The stack holds, by offset: 0 the transformed columns [4][6]; 96 sums, 100 channels, 104 channels that are left.
 * Position (1, 1), to which the bias goes, weighs f[i] f[j] / 36. r10 is 1 / 9 modulo 2^32 times 1, 2, 4, 4 by row.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_4x4_tile(mcuq_word *sums, const int32_t *channels, int8_t *codes)
{
    MCUQ_REGISTER(mcuq_word *, r0, sums);
    MCUQ_REGISTER(const int32_t *, r1, channels);
    MCUQ_REGISTER(int8_t *, r2, codes);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #108\n mov r3, #4\n str r3, [sp, #104]\n"
        ".p2align 2\n"
        "1:\n ldr.w r3, [r0, #224]\n ldr.w r4, [r1, #0]\n str.w r0, [sp, #96]\n add.w r3, r3, r4\n"
        "str.w r3, [r0, #224]\n str.w r1, [sp, #100]\n"
        ".irp at, 0, 32, 64, 96, 128, 160\n"
        "ldr.w r4, [r0, #\\at]\n ldr.w r5, [r0, #\\at + 192]\n ldr.w r6, [r0, #\\at + 384]\n"
        "ldr.w r7, [r0, #\\at + 576]\n ldr.w r8, [r0, #\\at + 768]\n ldr.w r9, [r0, #\\at + 960]\n"
        MCUQ_WINOGRAD_4X4_SUMS
        "str.n r4, [sp, #\\at / 8]\n str.n r7, [sp, #\\at / 8 + 24]\n"
        "str.w r8, [sp, #\\at / 8 + 48]\n str.w r9, [sp, #\\at / 8 + 72]\n .endr\n"
        "ldr.w r12, [r1, #8]\n ldr.w r0, [r1, #4]\n ldr.w r1, [r1, #12]\n mov.w r3, sp\n sub.w r12, r12, #1\n"
        "movw r10, #0x8E39\n movt r10, #0x38E3\n mov.w r11, #1\n mov.w lr, #2\n"
        "2:\n" MCUQ_WINOGRAD_4X4_CODES(0) "lsl.w r10, r10, r11\n" MCUQ_WINOGRAD_4X4_CODES(16)
        "lsl.w r10, r10, #1\n mov.w r11, #0\n add.w r2, r2, #32\n subs.w lr, lr, #1\n bne.w 2b\n"
        "ldr.w r0, [sp, #96]\n ldr.w r1, [sp, #100]\n ldr.w r3, [sp, #104]\n sub.w r2, r2, #63\n"
        "add.w r0, r0, #8\n add.w r1, r1, #16\n subs.w r3, r3, #1\n str.w r3, [sp, #104]\n bne.w 1b\n"
        "add sp, sp, #108\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

/* B' times six values, two at a time. */
static inline void mcuq_winograd_4x4_line(uint32_t d[6])
{
    const uint32_t rise = mcuq_ssub16(d[3], d[1]);
    const uint32_t step = mcuq_ssub16(d[4], d[2]);
    const uint32_t twice = mcuq_sadd16(rise, rise);
    const uint32_t first = mcuq_ssub16(d[0], d[2]);
    const uint32_t first2 = mcuq_sadd16(first, first);
    const uint32_t last = mcuq_ssub16(d[5], d[3]);
    const uint32_t low = mcuq_ssub16(rise, mcuq_sadd16(mcuq_sadd16(d[1], d[1]), d[1]));
    const uint32_t high = mcuq_ssub16(step, mcuq_sadd16(mcuq_sadd16(d[2], d[2]), d[2]));
    d[0] = mcuq_sadd16(step, mcuq_sadd16(first2, first2));
    d[1] = mcuq_sadd16(high, low);
    d[2] = mcuq_ssub16(high, low);
    d[3] = mcuq_sadd16(step, twice);
    d[4] = mcuq_ssub16(step, twice);
    d[5] = mcuq_ssub16(last, mcuq_sadd16(twice, twice));
}

/* Two of four channels of a tile; the positions are `step` words apart in v. */
static inline void mcuq_winograd_4x4_pair(const mcuq_winograd_conv_patch *patch, const int8_t *x, int32_t is_odd,
                                          mcuq_word *v, int32_t step)
{
    uint32_t columns[6][6];
    for (int32_t j = 0; j < 6; j++) {
        for (int32_t i = 0; i < 6; i++) {
            const uint32_t word = mcuq_load4(&x[i * patch->row_bytes]);
            columns[j][i] = (is_odd != 0) ? mcuq_sxtb16_odd(word) : mcuq_sxtb16(word);
        }
        mcuq_winograd_4x4_line(columns[j]);
        x = &x[patch->col_bytes];
    }
    for (int32_t i = 0; i < 6; i++) {
        uint32_t d[6] = {columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i]};
        mcuq_winograd_4x4_line(d);
        for (int32_t j = 0; j < 6; j++) {
            v[0] = d[j];
            v = &v[step];
        }
    }
}

MCUQ_KERNEL void mcuq_winograd_4x4_input(const mcuq_winograd_conv_patch *patch, int32_t channels, mcuq_word *v)
{
    for (int32_t c = 0; c < channels; c += 4) {
        mcuq_winograd_4x4_pair(patch, &patch->x[c], 0, &v[c], channels);
        mcuq_winograd_4x4_pair(patch, &patch->x[c], 1, &v[c + 2], channels);
    }
}

/* The codes of one channel, four codes apart. channel: its bias, multiplier, right shift and offset. */
MCUQ_KERNEL void mcuq_winograd_4x4_channel(const mcuq_word *sums, const int32_t *channel, int8_t *codes)
{
    int32_t doubled[16];
    mcuq_winograd_4x4_doubled(sums, (uint32_t)channel[0], doubled);
    for (int32_t i = 0; i < 16; i++) {
        codes[4 * i] = (int8_t)mcuq_requantize_doubled_dsp(doubled[i], channel[1], channel[2], channel[3]);
    }
}

MCUQ_KERNEL void mcuq_winograd_4x4_tile(mcuq_word *sums, const int32_t *channels, int8_t *codes)
{
    for (int32_t c = 0; c < 4; c++) {
        mcuq_winograd_4x4_channel(&sums[2 * c], &channels[4 * c], &codes[c]);
    }
}

#endif

/* codes [tiles][4][4][4] of four channels. tiles: 1 or 2. */
static inline void mcuq_winograd_4x4_output(mcuq_word *sums, const int32_t *channels, int8_t *codes, int32_t tiles)
{
    for (int32_t tile = 0; tile < tiles; tile++) {
        mcuq_winograd_4x4_tile(&sums[tile], channels, &codes[64 * tile]);
    }
}

#endif
