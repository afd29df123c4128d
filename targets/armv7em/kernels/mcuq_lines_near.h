/*
 * Rows of one output channel from lines where outputs read next to each other: what four of them read is loaded once.
 */
#ifndef MCUQ_LINES_NEAR_H
#define MCUQ_LINES_NEAR_H

#include "mcuq_lines_row.h"

#if MCUQ_HAS_UNALIGNED

/* A row begins at r0 and its weights with r9; r12 is the end of the rows. */
#define MCUQ_LINES_NEAR_BEGIN                                                                              \
    "ldr.w r0, [r10], #4\n ldr.w r1, [sp, #64]\n ldr.w r9, [r8], #4\n add.w r0, r0, r1\n ldr.w r12, [sp, #4]\n"
#define MCUQ_LINES_NEAR_NEXT "cmp.n r10, r12\n bne.n "

/* Two taps of four outputs from codes in r1 to r3; weights in r9. */
#define MCUQ_LINES_HALVES_TWO                                                                              \
    "smlad r4, r1, r9, r4\n smlatb r5, r1, r9, r5\n smlad r6, r2, r9, r6\n smlatb r7, r2, r9, r7\n"          \
    "smlabt r5, r2, r9, r5\n smlabt r7, r3, r9, r7\n"

/*
 * y = requantized sums, limited to int8, of outputs that begin at codes next to each other, in rows of one to four
 * taps: x_step is 2. Rows of three are 12 products in 25 cycles, of four 16 in 28.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_lines_near_halves(const mcuq_lines_row_walk *walk)
{
    MCUQ_REGISTER(const mcuq_lines_row_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_LINES_ROW_BEGIN
        "adr.w r3, 5f+1\n cmp.w r8, #2\n it eq\n adreq.w r3, 6f+1\n cmp.w r8, #3\n it eq\n adreq.w r3, 7f+1\n"
        "it gt\n adrgt.w r3, 8f+1\n str.n r3, [sp, #76]\n" MCUQ_LINES_ROW_FIRST
        "ldr.w pc, [sp, #76]\n"
        ".p2align 2\n"
        "5:\n" MCUQ_LINES_NEAR_BEGIN
        "ldr.n r1, [r0]\n ldr.n r2, [r0, #4]\n"
        "smlabb r4, r1, r9, r4\n smlatb r5, r1, r9, r5\n smlabb r6, r2, r9, r6\n smlatb r7, r2, r9, r7\n"
        MCUQ_LINES_NEAR_NEXT "5b\n b.n 9f\n"
        ".p2align 2\n"
        "6:\n" MCUQ_LINES_NEAR_BEGIN
        "ldr.n r1, [r0]\n ldr.n r2, [r0, #4]\n ldr.n r3, [r0, #8]\n" MCUQ_LINES_HALVES_TWO
        MCUQ_LINES_NEAR_NEXT "6b\n b.n 9f\n"
        ".p2align 2\n"
        "7:\n" MCUQ_LINES_NEAR_BEGIN
        "ldr.w lr, [r8], #4\n ldr.n r1, [r0]\n ldr.n r2, [r0, #4]\n ldr.n r3, [r0, #8]\n" MCUQ_LINES_HALVES_TWO
        "smlabb r4, r2, lr, r4\n smlatb r5, r2, lr, r5\n smlabb r6, r3, lr, r6\n smlatb r7, r3, lr, r7\n"
        MCUQ_LINES_NEAR_NEXT "7b\n b.n 9f\n"
        ".p2align 2\n"
        "8:\n" MCUQ_LINES_NEAR_BEGIN
        "ldr.w lr, [r8], #4\n ldr.n r1, [r0]\n ldr.n r2, [r0, #4]\n ldr.n r3, [r0, #8]\n ldr.w r11, [r0, #12]\n"
        MCUQ_LINES_HALVES_TWO
        "smlad r4, r2, lr, r4\n smlatb r5, r2, lr, r5\n smlad r6, r3, lr, r6\n smlatb r7, r3, lr, r7\n"
        "smlabt r5, r3, lr, r5\n smlabt r7, r11, lr, r7\n" MCUQ_LINES_NEAR_NEXT "8b\n" MCUQ_LINES_ROW_END("#8")
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* The words of four outputs in r1 to r3 and r11 with weights in r9. */
#define MCUQ_LINES_WORDS_ONE                                                                               \
    "smlad r4, r1, r9, r4\n smlad r5, r2, r9, r5\n smlad r6, r3, r9, r6\n smlad r7, r11, r9, r7\n"
#define MCUQ_LINES_WORDS_LOAD "ldr.n r1, [r0]\n ldr.n r2, [r0, #4]\n ldr.n r3, [r0, #8]\n ldr.w r11, [r0, #12]\n"

/*
 * y = requantized sums, limited to int8, of outputs that begin at words next to each other, in rows of one to three
 * words: x_step is 4. Rows of three are 24 products in 32 cycles.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_lines_near_words(const mcuq_lines_row_walk *walk)
{
    MCUQ_REGISTER(const mcuq_lines_row_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_LINES_ROW_BEGIN
        "ldr.n r1, [sp, #12]\n adr.w r3, 5f+1\n cmp.n r1, #2\n it eq\n adreq.w r3, 6f+1\n it gt\n adrgt.w r3, 7f+1\n"
        "str.n r3, [sp, #76]\n" MCUQ_LINES_ROW_FIRST
        "ldr.w pc, [sp, #76]\n"
        ".p2align 2\n"
        "5:\n" MCUQ_LINES_NEAR_BEGIN MCUQ_LINES_WORDS_LOAD MCUQ_LINES_WORDS_ONE MCUQ_LINES_NEAR_NEXT "5b\n b.n 9f\n"
        ".p2align 2\n"
        "6:\n" MCUQ_LINES_NEAR_BEGIN "ldr.w lr, [r8], #4\n" MCUQ_LINES_WORDS_LOAD "ldr.n r0, [r0, #16]\n"
        MCUQ_LINES_WORDS_ONE
        "smlad r4, r2, lr, r4\n smlad r5, r3, lr, r5\n smlad r6, r11, lr, r6\n smlad r7, r0, lr, r7\n"
        MCUQ_LINES_NEAR_NEXT "6b\n b.n 9f\n"
        ".p2align 2\n"
        "7:\n" MCUQ_LINES_NEAR_BEGIN "ldr.w lr, [r8], #4\n" MCUQ_LINES_WORDS_LOAD MCUQ_LINES_WORDS_ONE
        "ldr.w r9, [r8], #4\n ldr.n r1, [r0, #16]\n ldr.n r0, [r0, #20]\n"
        "smlad r4, r2, lr, r4\n smlad r5, r3, lr, r5\n smlad r6, r11, lr, r6\n smlad r7, r1, lr, r7\n"
        "smlad r4, r3, r9, r4\n smlad r5, r11, r9, r5\n smlad r6, r1, r9, r6\n smlad r7, r0, r9, r7\n"
        MCUQ_LINES_NEAR_NEXT "7b\n" MCUQ_LINES_ROW_END("#16")
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_lines_near_halves(const mcuq_lines_row_walk *walk)
{
    mcuq_lines_row_plain(walk);
}

MCUQ_KERNEL void mcuq_lines_near_words(const mcuq_lines_row_walk *walk)
{
    mcuq_lines_row_plain(walk);
}

#endif

/* y = requantized sums, limited to int8. Rows have at most four taps where x_step is 2, three pairs where it is 4. */
MCUQ_KERNEL void mcuq_lines_near_row(const mcuq_lines_row_walk *walk)
{
    if (walk->x_step == 2) {
        mcuq_lines_near_halves(walk);
    } else if (walk->x_step == 4) {
        mcuq_lines_near_words(walk);
    } else {
        mcuq_lines_row_far(walk);
    }
}

#endif
