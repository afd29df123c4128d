/*
 * Winograd's transforms for 2x2 outputs of a 3x3 window, exact in integers.
 *
 * With d the 4x4 inputs of a tile, g the window's weights, and
 *
 *     B' = | 1  0 -1  0 |    2G = | 2  0  0 |    A' = | 1  1  1  0 |
 *          | 0  1  1  0 |         | 1  1  1 |         | 0  1 -1 -1 |
 *          | 0 -1  1  0 |         | 1 -1  1 |
 *          | 0  1  0 -1 |         | 0  0  2 |
 *
 * four times the 2x2 sums are A' ((2G) g (2G)' * B' d B) A. Codes give |B' d B| <= 512, weights |(2G) g (2G)'| <= 1152.
 */
#ifndef MCUQ_WINOGRAD_2X2_H
#define MCUQ_WINOGRAD_2X2_H

#include "mcuq_winograd_conv.h"

#define MCUQ_WINOGRAD_2X2_POSITIONS 16

/* Twice the four sums of a channel of a tile, whose position (1, 1) gets `more`: they come times 4. */
MCUQ_KERNEL void mcuq_winograd_2x2_doubled(const mcuq_word *sums, uint32_t more, int32_t doubled[4])
{
    uint32_t a[4];
    uint32_t b[4];
    for (int32_t j = 0; j < 4; j++) {
        const uint32_t m0 = sums[8 * j];
        const uint32_t m1 = sums[8 * (4 + j)] + ((j == 1) ? more : 0U);
        const uint32_t m2 = sums[8 * (8 + j)];
        const uint32_t m3 = sums[8 * (12 + j)];
        a[j] = m0 + m1 + m2;
        b[j] = m1 - m2 - m3;
    }
    doubled[0] = (int32_t)(a[0] + a[1] + a[2]) >> 1;
    doubled[1] = (int32_t)(a[1] - a[2] - a[3]) >> 1;
    doubled[2] = (int32_t)(b[0] + b[1] + b[2]) >> 1;
    doubled[3] = (int32_t)(b[1] - b[2] - b[3]) >> 1;
}

/* The codes of an odd channel of a tile, four codes apart. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_2x2_odd(const mcuq_word *sums, const int32_t *odd, int8_t *codes)
{
    int32_t doubled[4];
    mcuq_winograd_2x2_doubled(sums, 0U, doubled);
    for (int32_t i = 0; i < 4; i++) {
        codes[4 * i] = mcuq_channel_dsp_odd(odd, doubled[i] >> 1);
    }
}

#if MCUQ_HAS_DSP

/*
 * A column of four inputs at r0, two of four channels: those \turn bits on; B' times them to d0 to d3. r2, r3: bytes of
 * rows and columns.
 */
#define MCUQ_WINOGRAD_2X2_COLUMN(d0, d1, d2, d3)                                                     \
    "add.w lr, r0, r2\n ldr.w " #d0 ", [r0]\n ldr.w r12, [lr]\n ldr.w " #d2 ", [r0, r2, lsl #1]\n"         \
    "ldr.w " #d3 ", [lr, r2, lsl #1]\n sxtb16 " #d0 ", " #d0 ", ror #\\turn\n sxtb16 r12, r12, ror #\\turn\n" \
    "sxtb16 " #d2 ", " #d2 ", ror #\\turn\n sxtb16 " #d3 ", " #d3 ", ror #\\turn\n"                            \
    "ssub16 " #d0 ", " #d0 ", " #d2 "\n ssub16 " #d3 ", r12, " #d3 "\n"                                    \
    "sadd16 " #d1 ", r12, " #d2 "\n ssub16 " #d2 ", " #d2 ", r12\n"

/* A column of positions, one below the other four times lr bytes on; then r1 is at the next column. */
#define MCUQ_WINOGRAD_2X2_STORE(d0, d1, d2, d3)                                                            \
    "ldr.w lr, [sp, #0]\n str.w " #d0 ", [r1]\n add.w r12, r1, lr, lsl #2\n"                               \
    "str.w " #d1 ", [r1, lr, lsl #2]\n str.w " #d2 ", [r1, lr, lsl #3]\n str.w " #d3 ", [r12, lr, lsl #3]\n" \
    "add.w r1, r1, lr\n"

/* Two of four channels of a tile at r0, columns 2, 0, 1 and 3 in turn; then r1 is 8 bytes on. */
#define MCUQ_WINOGRAD_2X2_PAIR                                                                             \
    "add.w r0, r0, r3, lsl #1\n" MCUQ_WINOGRAD_2X2_COLUMN(r4, r5, r6, r7)                            \
    "sub.w r0, r0, r3, lsl #1\n" MCUQ_WINOGRAD_2X2_COLUMN(r8, r9, r10, r11)                          \
    "ssub16 r8, r8, r4\n ssub16 r9, r9, r5\n ssub16 r10, r10, r6\n ssub16 r11, r11, r7\n"                  \
    MCUQ_WINOGRAD_2X2_STORE(r8, r9, r10, r11)                                                              \
    "add.w r0, r0, r3\n" MCUQ_WINOGRAD_2X2_COLUMN(r8, r9, r10, r11)                                  \
    "ldr.w lr, [sp, #0]\n sadd16 r12, r8, r4\n str.w r12, [r1]\n"                                          \
    "sadd16 r12, r9, r5\n str.w r12, [r1, lr, lsl #2]\n sadd16 r12, r10, r6\n str.w r12, [r1, lr, lsl #3]\n" \
    "add.w r1, r1, lr, lsl #2\n sadd16 r12, r11, r7\n str.w r12, [r1, lr, lsl #3]\n"                       \
    "sub.w r1, r1, lr, lsl #2\n add.w r1, r1, lr\n"                                                        \
    "ssub16 r4, r4, r8\n ssub16 r5, r5, r9\n ssub16 r6, r6, r10\n ssub16 r7, r7, r11\n"                    \
    MCUQ_WINOGRAD_2X2_STORE(r4, r5, r6, r7)                                                                \
    "add.w r0, r0, r3, lsl #1\n" MCUQ_WINOGRAD_2X2_COLUMN(r4, r5, r6, r7)                            \
    "ssub16 r4, r8, r4\n ssub16 r5, r9, r5\n ssub16 r6, r10, r6\n ssub16 r7, r11, r7\n"                    \
    MCUQ_WINOGRAD_2X2_STORE(r4, r5, r6, r7)                                                                \
    "sub.w r0, r0, r3\n sub.w r0, r0, r3, lsl #1\n sub.w r1, r1, lr, lsl #2\n add.w r1, r1, #8\n"

/*
 * B' d B of a tile: v[position][channels / 2][2], channels 0 and 2 before 1 and 3 of four; the other tile of two lies
 * between. channels: a multiple of 4.
 *
 * The stack holds, by offset: 0 the bytes from a position to the next, 4 channels that are left.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_2x2_input(const mcuq_winograd_conv_patch *patch, int32_t channels,
                                                       mcuq_word *v)
{
    MCUQ_REGISTER(const mcuq_winograd_conv_patch *, r0, patch);
    MCUQ_REGISTER(int32_t, r1, channels);
    MCUQ_REGISTER(mcuq_word *, r2, v);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #12\n lsl r3, r1, #2\n str r3, [sp, #0]\n str r1, [sp, #4]\n"
        "mov r1, r2\n ldr r2, [r0, #4]\n ldr r3, [r0, #8]\n ldr r0, [r0, #0]\n"
        ".p2align 2\n"
        "1:\n .irp turn, 0, 8\n" MCUQ_WINOGRAD_2X2_PAIR ".endr\n"
        "ldr.w r4, [sp, #4]\n add.w r0, r0, #4\n subs.w r4, r4, #4\n str.w r4, [sp, #4]\n bne.w 1b\n"
        "add sp, sp, #12\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/* A column of four sums, \at bytes on: A' times them to a and b; with `bias`, r11 is added to the second. */
#define MCUQ_WINOGRAD_2X2_SUMS(at, a, b, bias)                                                             \
    "ldr.w " #a ", [r0, #" #at "]\n ldr.w r3, [r0, #" #at " + 128]\n ldr.w r12, [r0, #" #at " + 256]\n"    \
    "ldr.w " #b ", [r0, #" #at " + 384]\n" bias "add.w " #a ", " #a ", r3\n add.w " #a ", " #a ", r12\n"   \
    "sub.w r3, r3, r12\n sub.w " #b ", r3, " #b "\n"

/* Four times a sum to its code; r6, r7, r10: multiplier, right shift - 1, offset. */
#define MCUQ_WINOGRAD_2X2_CODE(z)                                                                          \
    "asr.w " #z ", " #z ", #1\n add.w r3, r10, " #z ", asr #31\n smmlar " #z ", " #z ", r6, r3\n"          \
    "asr.w " #z ", " #z ", r7\n ssat " #z ", #8, " #z ", asr #1\n"

/*
 * The codes of a tile's 2x2 outputs, four channels each.
 *
 * sums [16][4][2]: those of this tile. channels [4][4]: four times the bias, multiplier, right shift, and the offset of
 * mcuq_requantize_dsp. Sums wrap; four times the sum of a channel and its bias lies within int32. The bias goes to
 * position (1, 1), which all outputs have once.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_winograd_2x2_tile(const mcuq_word *sums, const int32_t *channels, int8_t *codes)
{
    MCUQ_REGISTER(const mcuq_word *, r0, sums);
    MCUQ_REGISTER(const int32_t *, r1, channels);
    MCUQ_REGISTER(int8_t *, r2, codes);
    __asm__ volatile(
        "push {r4-r11, lr}\n mov.w lr, #4\n"
        ".p2align 2\n"
        "1:\n ldr.w r11, [r1, #0]\n" MCUQ_WINOGRAD_2X2_SUMS(32, r5, r9, "add.w r3, r3, r11\n")
        MCUQ_WINOGRAD_2X2_SUMS(0, r4, r8, "") MCUQ_WINOGRAD_2X2_SUMS(64, r6, r10, "")
        MCUQ_WINOGRAD_2X2_SUMS(96, r7, r11, "")
        "add.w r4, r4, r5\n add.w r4, r4, r6\n sub.w r5, r5, r6\n sub.w r5, r5, r7\n"
        "add.w r8, r8, r9\n add.w r8, r8, r10\n sub.w r9, r9, r10\n sub.w r9, r9, r11\n"
        "ldr.w r7, [r1, #8]\n ldr.w r6, [r1, #4]\n ldr.w r10, [r1, #12]\n sub.w r7, r7, #1\n"
        MCUQ_WINOGRAD_2X2_CODE(r4) MCUQ_WINOGRAD_2X2_CODE(r5)
        MCUQ_WINOGRAD_2X2_CODE(r8) MCUQ_WINOGRAD_2X2_CODE(r9)
        "strb.w r4, [r2, #0]\n strb.w r5, [r2, #4]\n strb.w r8, [r2, #8]\n strb.w r9, [r2, #12]\n"
        "add.w r0, r0, #8\n add.w r1, r1, #16\n add.w r2, r2, #1\n subs.w lr, lr, #1\n bne.w 1b\n"
        "pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

/* Two of four channels of a column, B' times its four rows. */
static inline void mcuq_winograd_2x2_column(const mcuq_winograd_conv_patch *patch, const int8_t *x, int32_t is_odd,
                                            uint32_t d[4])
{
    const uint32_t row0 = mcuq_load4(x);
    const uint32_t row1 = mcuq_load4(&x[patch->row_bytes]);
    const uint32_t row2 = mcuq_load4(&x[2 * patch->row_bytes]);
    const uint32_t row3 = mcuq_load4(&x[3 * patch->row_bytes]);
    const uint32_t x0 = (is_odd != 0) ? mcuq_sxtb16_odd(row0) : mcuq_sxtb16(row0);
    const uint32_t x1 = (is_odd != 0) ? mcuq_sxtb16_odd(row1) : mcuq_sxtb16(row1);
    const uint32_t x2 = (is_odd != 0) ? mcuq_sxtb16_odd(row2) : mcuq_sxtb16(row2);
    const uint32_t x3 = (is_odd != 0) ? mcuq_sxtb16_odd(row3) : mcuq_sxtb16(row3);
    d[0] = mcuq_ssub16(x0, x2);
    d[1] = mcuq_sadd16(x1, x2);
    d[2] = mcuq_ssub16(x2, x1);
    d[3] = mcuq_ssub16(x1, x3);
}

/* Two of four channels of a tile; the positions are `step` words apart in v. */
static inline void mcuq_winograd_2x2_pair(const mcuq_winograd_conv_patch *patch, const int8_t *x, int32_t is_odd,
                                          mcuq_word *v, int32_t step)
{
    uint32_t a[4];
    uint32_t b[4];
    mcuq_winograd_2x2_column(patch, &x[2 * patch->col_bytes], is_odd, b);
    mcuq_winograd_2x2_column(patch, x, is_odd, a);
    for (int32_t i = 0; i < 4; i++) {
        v[4 * i * step] = mcuq_ssub16(a[i], b[i]);
    }
    mcuq_winograd_2x2_column(patch, &x[patch->col_bytes], is_odd, a);
    for (int32_t i = 0; i < 4; i++) {
        v[((4 * i) + 1) * step] = mcuq_sadd16(a[i], b[i]);
        v[((4 * i) + 2) * step] = mcuq_ssub16(b[i], a[i]);
    }
    mcuq_winograd_2x2_column(patch, &x[3 * patch->col_bytes], is_odd, b);
    for (int32_t i = 0; i < 4; i++) {
        v[((4 * i) + 3) * step] = mcuq_ssub16(a[i], b[i]);
    }
}

MCUQ_KERNEL void mcuq_winograd_2x2_input(const mcuq_winograd_conv_patch *patch, int32_t channels, mcuq_word *v)
{
    for (int32_t c = 0; c < channels; c += 4) {
        mcuq_winograd_2x2_pair(patch, &patch->x[c], 0, &v[c], channels);
        mcuq_winograd_2x2_pair(patch, &patch->x[c], 1, &v[c + 2], channels);
    }
}

/* The codes of one channel, four codes apart. channel: its bias, multiplier, right shift and offset. */
MCUQ_KERNEL void mcuq_winograd_2x2_channel(const mcuq_word *sums, const int32_t *channel, int8_t *codes)
{
    int32_t doubled[4];
    mcuq_winograd_2x2_doubled(sums, (uint32_t)channel[0], doubled);
    for (int32_t i = 0; i < 4; i++) {
        codes[4 * i] = (int8_t)mcuq_requantize_doubled_dsp(doubled[i], channel[1], channel[2], channel[3]);
    }
}

MCUQ_KERNEL void mcuq_winograd_2x2_tile(const mcuq_word *sums, const int32_t *channels, int8_t *codes)
{
    for (int32_t c = 0; c < 4; c++) {
        mcuq_winograd_2x2_channel(&sums[2 * c], &channels[4 * c], &codes[c]);
    }
}

#endif

/* codes [tiles][2][2][4] of four channels. tiles: 1 or 2. */
static inline void mcuq_winograd_2x2_output(const mcuq_word *sums, const int32_t *channels, int8_t *codes,
                                            int32_t tiles)
{
    for (int32_t tile = 0; tile < tiles; tile++) {
        mcuq_winograd_2x2_tile(&sums[tile], channels, &codes[16 * tile]);
    }
}

#endif
