/*
 * All outputs of a channel whose codes, int16, lie in a plane with its border, under windows of 3x3.
 */
#ifndef MCUQ_LINE_3X3_S16_H
#define MCUQ_LINE_3X3_S16_H

#include "mcuq_halves_dsp.h"

/*
 * row: bytes of x from a line of the window to the next. x_skip and y_skip: bytes from where four outputs at a time
 * end a line to the next line. outputs: of a line. y_step: bytes from one to the next. lines: at least one.
 * is_positive: whether codes are limited to those from 0 on, and not to int16.
 * channel: twice the bias, multiplier, right shift, 1 to 23, and 1 << (right - 1). weights: nine.
 * x: words of two codes; the first window begins with the first. What lies behind the lines is read, and left out.
 */
typedef struct {
    int32_t row;
    int32_t x_skip;
    int32_t y_skip;
    int32_t outputs;
    int32_t y_step;
    int32_t lines;
    int32_t is_positive;
    const int32_t *channel;
    const int8_t *weights;
    const mcuq_word *x;
    mcuq_int16 *y;
} mcuq_line_3x3_s16_walk;

#if MCUQ_HAS_DSP

/* Three weights, `at` bytes on, doubled, as (w0, w1) and (w1, w2). */
#define MCUQ_LINE_3X3_S16_WEIGHTS(a, b, at)                                                                 \
    "ldrsb r10, [lr, #" #at "]\n ldrsb r11, [lr, #" #at "+1]\n ldrsb r12, [lr, #" #at "+2]\n"                \
    "lsl r10, r10, #1\n lsl r11, r11, #1\n"                                                                  \
    "pkhbt " #a ", r10, r11, lsl #16\n pkhbt " #b ", r11, r12, lsl #17\n"

/*
 * r0 = walk. The stack holds, by offset: 0 row, 4 x_skip, 8 y_skip, 12 outputs, 16 y_step, 20 lines, 24 is_positive,
 * 28 y, 32 outputs left of the line, 36 x, 40 twice the bias, 44 multiplier, 48 right, negative where codes are from 0
 * on, 52 half. r2 to r7 hold the weights, r8 to r11 the sums, r0 is x and r1 row. Shifts take the low byte of right.
 */
#define MCUQ_LINE_3X3_S16_ENTER                                                                             \
    "push {r4-r11, lr}\n sub sp, sp, #60\n ldm r0!, {r1-r7}\n stm sp, {r1-r7}\n ldm r0, {r1, lr}\n"            \
    "ldr r12, [r0, #12]\n str r12, [sp, #28]\n ldr r0, [r0, #8]\n add r12, sp, #40\n"                         \
    "ldr r6, [sp, #24]\n ldm r1, {r2-r5}\n orr r4, r4, r6, lsl #31\n stm r12, {r2-r5}\n"                      \
    MCUQ_LINE_3X3_S16_WEIGHTS(r2, r3, 0) MCUQ_LINE_3X3_S16_WEIGHTS(r4, r5, 3)                                 \
    MCUQ_LINE_3X3_S16_WEIGHTS(r6, r7, 6) "ldr r1, [sp, #0]\n"

/* A line begins, then four outputs, whose first words are loaded and `step` bytes on lie those of the next. */
#define MCUQ_LINE_3X3_S16_BEGIN(step)                                                                       \
    "1:\n ldr r12, [sp, #12]\n str r12, [sp, #32]\n .p2align 2\n"                                            \
    "2:\n ldr r8, [sp, #40]\n ldr r12, [r0], #" #step "\n ldr lr, [r0, #4-" #step "]\n"                       \
    "mov.w r9, r8\n mov.w r10, r8\n mov.w r11, r8\n"

/* What of a line's windows meets the first two words; windows one apart and two apart. */
#define MCUQ_LINE_3X3_S16_ONE(wa, wb)                                                                       \
    "smlad r8, r12, " #wa ", r8\n smlabt r8, lr, " #wb ", r8\n smlatb r9, r12, " #wa ", r9\n"                \
    "smlad r9, lr, " #wb ", r9\n smlad r10, lr, " #wa ", r10\n smlatb r11, lr, " #wa ", r11\n"
#define MCUQ_LINE_3X3_S16_TWO(wa, wb)                                                                       \
    "smlad r8, r12, " #wa ", r8\n smlabt r8, lr, " #wb ", r8\n smlad r9, lr, " #wa ", r9\n"

/* The third word, in r12. */
#define MCUQ_LINE_3X3_S16_LAST(wb) "smlabt r10, r12, " #wb ", r10\n smlad r11, r12, " #wb ", r11\n"

/* The third and fourth, in r12 and lr, then the fifth, in r12. */
#define MCUQ_LINE_3X3_S16_NEXT(wa, wb)                                                                      \
    "smlabt r9, r12, " #wb ", r9\n smlad r10, r12, " #wa ", r10\n smlabt r10, lr, " #wb ", r10\n"             \
    "smlad r11, lr, " #wa ", r11\n"
#define MCUQ_LINE_3X3_S16_END(wb) "smlabt r11, r12, " #wb ", r11\n"

/*
 * Sums, which are doubled, as codes; multiplier r12, half a step lr, right shift r1. The sign of the sum is that of its
 * high half where that is not 0; where it is 0, half a step less 1 gives 0 as well. Codes from 0 on need no sign.
 */
#define MCUQ_LINE_3X3_S16_CODES                                                                             \
    "sub r0, r0, r1, lsl #1\n ldr r12, [sp, #44]\n ldr lr, [sp, #52]\n ldr.w r1, [sp, #48]\n"              \
    "cmp.n r1, #0\n bpl.n 5f\n"                                                                            \
    ".irp s, r8, r9, r10, r11\n smmlar \\s, \\s, r12, lr\n .endr\n"                                          \
    ".irp s, r8, r9, r10, r11\n asr \\s, \\s, r1\n usat \\s, #15, \\s\n .endr\n"

/* They go where they belong, the last ones of a line one by one; then on. */
#define MCUQ_LINE_3X3_S16_STORE                                                                             \
    "3:\n ldr r12, [sp, #28]\n ldr lr, [sp, #16]\n ldr.n r1, [sp, #32]\n subs.n r1, #4\n"               \
    "strh r8, [r12]\n blo.w 6f\n strh r9, [r12, lr]\n add r12, r12, lr, lsl #1\n str r1, [sp, #32]\n"  \
    "strh r10, [r12]\n strh r11, [r12, lr]\n add r12, r12, lr, lsl #1\n"                                     \
    "4:\n ldr.w r1, [sp, #0]\n str r12, [sp, #28]\n bne 2b\n"                                                  \
    "ldr r12, [sp, #28]\n ldr r8, [sp, #4]\n ldr r9, [sp, #8]\n ldr r10, [sp, #20]\n"                         \
    "add r0, r0, r8\n add r12, r12, r9\n subs r10, r10, #1\n str r12, [sp, #28]\n str r10, [sp, #20]\n bne 1b\n" \
    "add sp, sp, #60\n pop {r4-r11, lr}\n b.w 8f\n"                                                          \
    "5:\n str r0, [sp, #36]\n"                                                                               \
    ".irp s, r8, r9, r10, r11\n add r0, lr, \\s, asr #31\n smmlar \\s, \\s, r12, r0\n asr \\s, \\s, r1\n"       \
    "ssat \\s, #16, \\s\n .endr\n ldr r0, [sp, #36]\n b 3b\n"                                                \
    "6:\n adds r1, r1, #2\n bmi 7f\n strh r9, [r12, lr]\n add r9, r12, lr, lsl #1\n beq 7f\n strh r10, [r9]\n"  \
    "7:\n add r12, r12, lr, lsl #2\n cmp r1, r1\n b 4b\n"                                                    \
    "8:\n"

/* Windows one apart. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_line_3x3_s16_one(const mcuq_line_3x3_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_line_3x3_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_LINE_3X3_S16_ENTER MCUQ_LINE_3X3_S16_BEGIN(8)
                     MCUQ_LINE_3X3_S16_ONE(r2, r3)
                     "ldr r12, [r0, #0]\n add r0, r0, r1\n" MCUQ_LINE_3X3_S16_LAST(r3)
                     "ldr r12, [r0, #-8]\n ldr lr, [r0, #-4]\n" MCUQ_LINE_3X3_S16_ONE(r4, r5)
                     "ldr r12, [r0, #0]\n add r0, r0, r1\n" MCUQ_LINE_3X3_S16_LAST(r5)
                     "ldr r12, [r0, #-8]\n ldr lr, [r0, #-4]\n" MCUQ_LINE_3X3_S16_ONE(r6, r7)
                     "ldr r12, [r0, #0]\n" MCUQ_LINE_3X3_S16_LAST(r7)
                     MCUQ_LINE_3X3_S16_CODES MCUQ_LINE_3X3_S16_STORE
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

/* Windows two apart. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_line_3x3_s16_two(const mcuq_line_3x3_s16_walk *walk)
{
    MCUQ_REGISTER(const mcuq_line_3x3_s16_walk *, r0, walk);
    __asm__ volatile(MCUQ_LINE_3X3_S16_ENTER MCUQ_LINE_3X3_S16_BEGIN(16)
                     MCUQ_LINE_3X3_S16_TWO(r2, r3)
                     "ldr r12, [r0, #-8]\n ldr lr, [r0, #-4]\n" MCUQ_LINE_3X3_S16_NEXT(r2, r3)
                     "ldr r12, [r0, #0]\n add r0, r0, r1\n" MCUQ_LINE_3X3_S16_END(r3)
                     "ldr r12, [r0, #-16]\n ldr lr, [r0, #-12]\n" MCUQ_LINE_3X3_S16_TWO(r4, r5)
                     "ldr r12, [r0, #-8]\n ldr lr, [r0, #-4]\n" MCUQ_LINE_3X3_S16_NEXT(r4, r5)
                     "ldr r12, [r0, #0]\n add r0, r0, r1\n" MCUQ_LINE_3X3_S16_END(r5)
                     "ldr r12, [r0, #-16]\n ldr lr, [r0, #-12]\n" MCUQ_LINE_3X3_S16_TWO(r6, r7)
                     "ldr r12, [r0, #-8]\n ldr lr, [r0, #-4]\n" MCUQ_LINE_3X3_S16_NEXT(r6, r7)
                     "ldr r12, [r0, #0]\n" MCUQ_LINE_3X3_S16_END(r7)
                     MCUQ_LINE_3X3_S16_CODES MCUQ_LINE_3X3_S16_STORE
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "cc", "memory");
}

#else

/* Twice the sum, less twice the bias, of a window that begins `at` codes behind x. */
MCUQ_KERNEL int32_t mcuq_line_3x3_s16_sum(const mcuq_line_3x3_s16_walk *walk, const mcuq_word *x, int32_t at)
{
    uint32_t sum = 0;
    for (int32_t i = 0; i < 9; i++) {
        const int32_t k = at + (i % 3);
        const uint32_t word = x[((i / 3) * (walk->row / 4)) + (k / 2)];
        sum += (uint32_t)(mcuq_half(word, (uint32_t)k % 2U) * 2 * walk->weights[i]);
    }
    return (int32_t)sum;
}

/* Windows `stride` apart. */
MCUQ_KERNEL void mcuq_line_3x3_s16_any(const mcuq_line_3x3_s16_walk *walk, int32_t stride)
{
    const int32_t fours = (walk->outputs + 3) / 4;
    const int32_t *const channel = walk->channel;
    for (int32_t line = 0; line < walk->lines; line++) {
        const mcuq_word *const x = &walk->x[line * ((8 * stride * fours) + walk->x_skip) / 4];
        mcuq_int16 *const y = &walk->y[line * ((4 * fours * walk->y_step) + walk->y_skip) / 2];
        for (int32_t i = 0; i < walk->outputs; i++) {
            const int32_t sum = channel[0] + mcuq_line_3x3_s16_sum(walk, x, i * stride);
            const int32_t sign = (walk->is_positive != 0) ? 0 : (sum >> 31);
            const int32_t code = mcuq_smmlar(sum, channel[1], channel[3] + sign) >> channel[2];
            y[i * (walk->y_step / 2)] = mcuq_clamp_s16(code, (walk->is_positive != 0) ? 0 : -32768, 32767);
        }
    }
}

MCUQ_KERNEL void mcuq_line_3x3_s16_one(const mcuq_line_3x3_s16_walk *walk)
{
    mcuq_line_3x3_s16_any(walk, 1);
}

MCUQ_KERNEL void mcuq_line_3x3_s16_two(const mcuq_line_3x3_s16_walk *walk)
{
    mcuq_line_3x3_s16_any(walk, 2);
}

#endif

#endif
