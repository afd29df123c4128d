/*
 * Codes of four channels, spread out as pairs of pixels in 16 bits, times 256.
 */
#ifndef MCUQ_DEPTHWISE_TILE_H
#define MCUQ_DEPTHWISE_TILE_H

#include "mcuq_dsp.h"

/* A row of a tile: nine words, or 18 pixels, of each of four channels. */
#define MCUQ_DEPTHWISE_TILE_WORDS 9
#define MCUQ_DEPTHWISE_TILE_ROW 36

/*
 * Which pixels to read: `rows` rows, at least 1, of `pairs` words whose pixels both lie in the image; one word before
 * them has its first pixel outside where is_left, one behind them its second where is_right.
 * step: bytes between pixels in x. x_skip: bytes from the last pixel read in a row (behind the pairs) to the next row.
 * to_skip: bytes from the end of a row in the tile to the next. outside: the code outside, four times.
 */
typedef struct {
    int32_t step;
    int32_t rows;
    int32_t pairs;
    int32_t x_skip;
    int32_t to_skip;
    uint32_t outside;
    int32_t is_left;
    int32_t is_right;
} mcuq_depthwise_tile_rows;

#if MCUQ_HAS_UNALIGNED

/* Pixels r8 and r9 of four channels into a word of each; r2 = 0xFF00FF00. */
#define MCUQ_DEPTHWISE_TILE_PAIR                                                                           \
    "and r10, r2, r8, lsl #8\n and r8, r8, r2\n and r11, r2, r9, lsl #8\n and r9, r9, r2\n"                 \
    "pkhbt r12, r10, r11, lsl #16\n pkhbt lr, r8, r9, lsl #16\n"                                           \
    "pkhtb r11, r11, r10, asr #16\n pkhtb r9, r9, r8, asr #16\n"                                           \
    "str r12, [r0], #4\n str lr, [r0, #32]\n str r11, [r0, #68]\n str r9, [r0, #104]\n"

/*
 * r0 = to, r1 = x, r2 = rows. The stack holds, by offset: 0 to_skip, 4 outside, 8 is_left, 12 is_right.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_tile_read(mcuq_word *to, const int8_t *x,
                                                        const mcuq_depthwise_tile_rows *rows)
{
    MCUQ_REGISTER(mcuq_word *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, x);
    MCUQ_REGISTER(const mcuq_depthwise_tile_rows *, r2, rows);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r2, {r3-r10}\n push {r7-r10}\n lsl r5, r5, #2\n mov r2, #0xFF00FF00\n"
        "1:\n ldr r12, [sp, #8]\n cmp r12, #0\n beq 2f\n"
        "ldr r8, [sp, #4]\n ldr r9, [r1]\n add r1, r1, r3\n" MCUQ_DEPTHWISE_TILE_PAIR
        "2:\n add r7, r0, r5\n cmp r5, #0\n beq 4f\n"
        ".p2align 2\n"
        "3:\n ldr r8, [r1]\n ldr r9, [r1, r3]\n add r1, r1, r3, lsl #1\n" MCUQ_DEPTHWISE_TILE_PAIR
        "cmp r0, r7\n bne 3b\n"
        "4:\n ldr r12, [sp, #12]\n cmp r12, #0\n beq 5f\n"
        "ldr r8, [r1]\n ldr r9, [sp, #4]\n" MCUQ_DEPTHWISE_TILE_PAIR
        "5:\n ldr r12, [sp, #0]\n add r1, r1, r6\n subs r4, r4, #1\n add r0, r0, r12\n bne 1b\n"
        "add sp, sp, #16\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

/* Two pixels of four channels into a word of each. */
static inline void mcuq_depthwise_tile_pair(mcuq_word *to, uint32_t first, uint32_t second)
{
    const uint32_t even_1 = (first << 8) & 0xFF00FF00U;
    const uint32_t even_2 = (second << 8) & 0xFF00FF00U;
    const uint32_t odd_1 = first & 0xFF00FF00U;
    const uint32_t odd_2 = second & 0xFF00FF00U;
    to[0] = mcuq_pack_low(even_1, even_2);
    to[MCUQ_DEPTHWISE_TILE_WORDS] = mcuq_pack_low(odd_1, odd_2);
    to[2 * MCUQ_DEPTHWISE_TILE_WORDS] = mcuq_pack_high(even_1, even_2);
    to[3 * MCUQ_DEPTHWISE_TILE_WORDS] = mcuq_pack_high(odd_1, odd_2);
}

MCUQ_KERNEL void mcuq_depthwise_tile_read(mcuq_word *to, const int8_t *x, const mcuq_depthwise_tile_rows *rows)
{
    int32_t from = 0;
    int32_t word = 0;
    for (int32_t row = 0; row < rows->rows; row++) {
        if (rows->is_left != 0) {
            mcuq_depthwise_tile_pair(&to[word], rows->outside, mcuq_load4(&x[from]));
            from += rows->step;
            word++;
        }
        for (int32_t pair = 0; pair < rows->pairs; pair++) {
            mcuq_depthwise_tile_pair(&to[word], mcuq_load4(&x[from]), mcuq_load4(&x[from + rows->step]));
            from += 2 * rows->step;
            word++;
        }
        if (rows->is_right != 0) {
            mcuq_depthwise_tile_pair(&to[word], mcuq_load4(&x[from]), rows->outside);
            word++;
        }
        from += rows->x_skip;
        word += rows->to_skip / 4;
    }
}

#endif

/* A code in all pixels of `rows` rows. */
MCUQ_KERNEL void mcuq_depthwise_tile_fill(mcuq_word *to, int32_t rows, int32_t code)
{
    const uint32_t half = ((uint32_t)code << 8) & 0xFFFFU;
    const uint32_t word = half | (half << 16);
    const mcuq_word *const end = &to[rows * MCUQ_DEPTHWISE_TILE_ROW];
    for (; to != end; to = &to[4]) {
        to[0] = word;
        to[1] = word;
        to[2] = word;
        to[3] = word;
    }
}

#endif
