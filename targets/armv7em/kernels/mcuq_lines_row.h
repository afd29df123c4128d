/*
 * Rows of one output channel from lines: codes of one channel each, in 16 bits and in order, that filters run along.
 */
#ifndef MCUQ_LINES_ROW_H
#define MCUQ_LINES_ROW_H

#include "mcuq_channel_dsp.h"

/* A code of a line. */
typedef int16_t mcuq_line __attribute__((may_alias));

/* Where something lies, in bytes. */
typedef int32_t mcuq_place __attribute__((may_alias));

/*
 * rows to rows_end: where each row of the filter begins, in bytes from x on; as many follow for each further row of y.
 * w: its weights, `pairs` words of two to a row. x: the first output's first code; the next output's lies x_step bytes
 * on. count: of outputs, height: of their rows, at least 1; the words that up to three outputs more in a row would read
 * can be read. y: the first output, the next lies y_step codes on, the next row y_row.
 * offset: mcuq_offset_dsp of right and the zero point. taps: codes of a row that have a weight, 2 * pairs or one less.
 */
typedef struct {
    const mcuq_place *rows;
    const mcuq_place *rows_end;
    const mcuq_word *w;
    int32_t pairs;
    const int8_t *x;
    int32_t x_step;
    int32_t count;
    int8_t *y;
    int32_t y_step;
    int32_t bias;
    int32_t multiplier;
    int32_t right;
    int32_t offset;
    int32_t height;
    int32_t y_row;
    int32_t taps;
} mcuq_lines_row_walk;

/* How codes are limited. */
typedef struct {
    int32_t zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_lines_limits;

/* The sum of an output whose first code is x and whose rows begin at `rows`, in plain C. */
MCUQ_KERNEL int32_t mcuq_lines_row_sum(const mcuq_lines_row_walk *walk, const mcuq_place *rows, const int8_t *x)
{
    const mcuq_word *w = walk->w;
    int32_t sum = walk->bias;
    for (int32_t row = 0; row < (int32_t)(walk->rows_end - walk->rows); row++) {
        const mcuq_line *const line = (const mcuq_line *)(const void *)&x[rows[row]];
        for (int32_t pair = 0; pair < walk->pairs; pair++) {
            const uint32_t first = (uint32_t)line[2 * pair];
            sum = mcuq_smlad(mcuq_pack_low(first, (uint32_t)line[(2 * pair) + 1]), w[pair], sum);
        }
        w = &w[walk->pairs];
    }
    return sum;
}

/* The same for all outputs. */
MCUQ_KERNEL void mcuq_lines_row_plain(const mcuq_lines_row_walk *walk)
{
    const mcuq_place *rows = walk->rows;
    for (int32_t row = 0; row < walk->height; row++) {
        int8_t *const y = &walk->y[row * walk->y_row];
        for (int32_t i = 0; i < walk->count; i++) {
            const int32_t sum = mcuq_lines_row_sum(walk, rows, &walk->x[i * walk->x_step]);
            y[i * walk->y_step] = (int8_t)mcuq_requantize_dsp(sum, walk->multiplier, walk->right, walk->offset);
        }
        rows = &rows[walk->rows_end - walk->rows];
    }
}

#if MCUQ_HAS_UNALIGNED

/*
 * The stack holds the members of walk in their order, then what is left of a row: 64 x, 68 count, 72 y, and
 * 76 for the routine. Sums of four outputs are in r4 to r7; r8 = weights, r10 = rows.
 */
#define MCUQ_LINES_ROW_BEGIN                                                                               \
    "push {r4-r11, lr}\n sub sp, sp, #84\n mov r12, sp\n"                                                  \
    "ldm r0!, {r1-r8}\n stm r12!, {r1-r8}\n ldm r0!, {r1-r8}\n stm r12!, {r1-r8}\n"
#define MCUQ_LINES_ROW_FIRST                                                                               \
    "0:\n ldr.n r4, [sp, #16]\n ldr.n r5, [sp, #24]\n ldr.n r6, [sp, #28]\n"                                \
    "str.n r4, [sp, #64]\n str.n r5, [sp, #68]\n str.n r6, [sp, #72]\n"                                      \
    ".p2align 2\n"                                                                                         \
    "1:\n ldr.n r4, [sp, #36]\n ldr.w r10, [sp, #0]\n ldr.w r8, [sp, #8]\n"                                      \
    "mov.n r5, r4\n mov.n r6, r4\n mov.n r7, r4\n"

/* A sum to its code; r0 = multiplier, r8 = right, r9 = offset. */
#define MCUQ_LINES_ROW_CODE                                                                                \
    "lsl.w \\sum, \\sum, #1\n smmulr \\sum, \\sum, r0\n add.w \\sum, \\sum, \\sum, asr #31\n"               \
    "add.w \\sum, \\sum, r9\n asr.w \\sum, \\sum, r8\n ssat \\sum, #8, \\sum\n"

/* Four sums to codes, and on by `step` bytes in x, to the next row, or to the end. */
#define MCUQ_LINES_ROW_END(step)                                                                           \
    "9:\n ldr.n r0, [sp, #40]\n ldr.w r8, [sp, #44]\n ldr.w r9, [sp, #48]\n"                                 \
    ".irp sum, r4, r5, r6, r7\n" MCUQ_LINES_ROW_CODE ".endr\n"                                              \
    "ldr.n r0, [sp, #72]\n ldr.w r8, [sp, #32]\n ldr.w r9, [sp, #68]\n subs.w r9, r9, #4\n blt.n 3f\n"         \
    "strb.n r4, [r0]\n strb.w r5, [r0, r8]\n strb.w r6, [r0, r8, lsl #1]\n add.w r0, r0, r8, lsl #1\n"         \
    "strb.w r7, [r0, r8]\n beq.n 4f\n add.w r0, r0, r8, lsl #1\n"                                            \
    "str.n r0, [sp, #72]\n str.w r9, [sp, #68]\n ldr.n r0, [sp, #64]\n"                                      \
    "add.w r0, r0, " step "\n str.n r0, [sp, #64]\n b.w 1b\n"                                                \
    "3:\n strb.n r4, [r0]\n adds.w r9, r9, #3\n beq.n 4f\n strb.w r5, [r0, r8]\n subs.w r9, r9, #1\n beq.n 4f\n" \
    "strb.w r6, [r0, r8, lsl #1]\n"                                                                        \
    "4:\n ldr.n r4, [sp, #0]\n ldr.n r5, [sp, #4]\n ldr.n r6, [sp, #28]\n ldr.n r7, [sp, #56]\n"              \
    "ldr.n r0, [sp, #52]\n subs.n r4, r5, r4\n str.n r5, [sp, #0]\n add.n r4, r5\n str.n r4, [sp, #4]\n"      \
    "add.n r6, r7\n str.n r6, [sp, #28]\n subs.n r0, r0, #1\n str.n r0, [sp, #52]\n bne.w 0b\n"              \
    "add sp, sp, #84\n pop {r4-r11, lr}\n"

/*
 * y = requantized sums, limited to int8: 4 outputs at a time, any distance apart, 8 products in 15 cycles.
 *
 * r0 is a code, r1 to r3 lead to those of the other outputs; r9 = pairs left.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_lines_row_far(const mcuq_lines_row_walk *walk)
{
    MCUQ_REGISTER(const mcuq_lines_row_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_LINES_ROW_BEGIN
        "ldr r1, [sp, #20]\n lsl r2, r1, #1\n add r3, r2, r1\n" MCUQ_LINES_ROW_FIRST
        "2:\n ldr.w r0, [r10], #4\n ldr.w r12, [sp, #64]\n ldr.w r9, [sp, #12]\n add.n r0, r0, r12\n"
        "3:\n ldr.w r11, [r8], #4\n ldr.w r12, [r0]\n ldr.w lr, [r0, r1]\n subs.w r9, r9, #1\n"
        "smlad r4, r12, r11, r4\n smlad r5, lr, r11, r5\n"
        "ldr.w r12, [r0, r2]\n ldr.w lr, [r0, r3]\n add.w r0, r0, #4\n"
        "smlad r6, r12, r11, r6\n smlad r7, lr, r11, r7\n bne.n 3b\n"
        "ldr.w r9, [sp, #4]\n cmp.n r10, r9\n bne.n 2b\n" MCUQ_LINES_ROW_END("r1, lsl #2")
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_lines_row_far(const mcuq_lines_row_walk *walk)
{
    mcuq_lines_row_plain(walk);
}

#endif

#endif
