/*
 * Four channels of a 3x3 depthwise convolution over a tile, 2 x 2 outputs at a time.
 */
#ifndef MCUQ_DEPTHWISE_3X3_H
#define MCUQ_DEPTHWISE_3X3_H

#include "mcuq_depthwise_tile.h"


/*
 * How to walk over four channels of a tile, and where their parameters lie; the four pointers move on to the next.
 *
 * pixel, row: bytes to the next output in a row and to the next row of outputs. pairs: bytes of x that the pairs of
 * outputs of a row begin at. x_skip, y_skip: bytes from the end of a row to the next but one. rows: pairs of rows.
 * is_odd: whether a single output ends a row; is_single: whether a single row ends the tile.
 * scale: 0 to 8, of the weights for mcuq_requantize_short, then addend is that of it; or less the right shift of
 * mcuq_requantize_dsp, then addend is twice the bias. weights: nine of a channel.
 */
typedef struct {
    int32_t pixel;
    int32_t row;
    int32_t pairs;
    int32_t x_skip;
    int32_t y_skip;
    int32_t rows;
    int32_t is_odd;
    int32_t is_single;
    const int32_t *addend;
    const int32_t *multiplier;
    const int8_t *scale;
    const int8_t *weights;
    int32_t y_zero_point;
} mcuq_depthwise_3x3_walk;

#if MCUQ_HAS_DSP

/*
 * r0 = x, r1 = y, r2 = walk. The stack holds what a channel needs, by offset: 0 twice the bias, 4 multiplier, with its
 * sign where the long form is to be taken, 8 addend, or the offset of the long form, 12 right, 16 pixel, 20 row, 24 end
 * of the row's pairs in x, 28 x_skip, 32 y_skip, 36 rows, 40 is_odd, 44 is_single, 48 channels left, 52 x, 56 y,
 * 60 walk, 64 the next output, 68 where to go on behind the long form.
 */
#define MCUQ_DEPTHWISE_3X3_ENTER                                                                           \
    "push {r4-r11, lr}\nsub sp, sp, #72\nmov r12, #4\n"                                                  \
    "str r12, [sp, #48]\nstrd r0, r1, [sp, #52]\nstr r2, [sp, #60]\nb.w 0f\n"

/*
 * The long form of four sums; lr = offset. The sign of the high half, which sends ties away from zero, is that of the
 * sum: where the high half is 0, either gives the zero point.
 */
#define MCUQ_DEPTHWISE_3X3_LONG                                                                            \
    "5:\nadr.w r12,9f+1\nb.n 12f\n11:\nadr.w r12,10f+1\n12:\nstrd r1,r12,[sp,#64]\n" \
    "ldrd r1,r12,[sp]\nbic r12,r12,#0x80000000\n"                                    \
    ".irp s,r8,r9,r10,r11\nadd \\s,r1,\\s,asr #7\n.endr\n"                                   \
    ".irp s,r8,r9,r10,r11\nadd r1,lr,\\s,asr #31\nsmmlar \\s,\\s,r12,r1\n.endr\n"        \
    "ldr r12,[sp,#12]\nldr r1,[sp,#64]\n"                                                             \
    ".irp s,r8,r9,r10,r11\nasr \\s,\\s,r12\nssat \\s,#8,\\s\n.endr\nldr.w pc,[sp,#68]\n"

/* Three weights, `at` bytes on, scaled, as (w0, w1) and (w1, w2). */
#define MCUQ_DEPTHWISE_3X3_WEIGHTS(a, b, at)                                                               \
    "ldrsb r10, [lr, #" #at "]\nldrsb r11, [lr, #" #at "+1]\nldrsb r12, [lr, #" #at "+2]\n"                \
    "lsl r10, r10, r9\nlsl r11, r11, r9\nlsl r12, r12, r9\n"                                              \
    "pkhbt " #a ", r10, r11, lsl #16\npkhbt " #b ", r11, r12, lsl #16\n"

/* A channel begins: its parameters to the stack, its weights to r2 to r7. */
#define MCUQ_DEPTHWISE_3X3_CHANNEL                                                                         \
    "0:\nldr r12, [sp, #60]\nldr r0, [sp, #52]\nldr r1, [sp, #56]\n"                                   \
    "ldm r12!, {r2-r9}\nadd r4, r4, r0\nadd lr, sp, #16\nstm lr, {r2-r9}\n"                            \
    "ldm r12, {r2-r6}\nmov lr, r5\nldr r7, [r2], #4\nldr r8, [r3], #4\nldrsb r9, [r4], #1\n"            \
    "add r5, r5, #9\nstm r12, {r2-r5}\ncmp r9, #0\nbpl 13f\n"                                           \
    "rsb r9, r9, #0\nmov r10, #1\nlsl r10, r10, r9\nlsl r6, r6, r9\nadd r6, r6, r10, lsr #1\n"          \
    "str r7, [sp, #0]\nstr r9, [sp, #12]\norr r8, r8, #0x80000000\nmov r7, r6\nmov r9, #0\n"            \
    "13:\nstr r8, [sp, #4]\nstr r7, [sp, #8]\n"                                                          \
    MCUQ_DEPTHWISE_3X3_WEIGHTS(r2, r3, 0) MCUQ_DEPTHWISE_3X3_WEIGHTS(r4, r5, 3)                             \
    MCUQ_DEPTHWISE_3X3_WEIGHTS(r6, r7, 6)                                                                  \
    "ldr r12, [sp, #36]\ncmp r12, #0\nbeq 7f\n"

/* Two words of x. */
#define MCUQ_DEPTHWISE_3X3_LOAD(at) "ldr r12, [r0, #" #at "]\nldr lr, [r0, #" #at "+4]\n"

/* A row of the window for two outputs a pixel apart; b begins or goes on. */
#define MCUQ_DEPTHWISE_3X3_S1_ROW(a, b, wa, wb)                                                            \
    "smlad " #a ", r12, " #wa ", " #a "\nsmlabt " #a ", lr, " #wb ", " #a "\n"                              \
    "smlad " #b ", lr, " #wb ", " #b "\n"
#define MCUQ_DEPTHWISE_3X3_S1(a, b, wa, wb)                                                                \
    "smlatb " #b ", r12, " #wa ", " #b "\n" MCUQ_DEPTHWISE_3X3_S1_ROW(a, b, wa, wb)
#define MCUQ_DEPTHWISE_3X3_S1_BEGIN(a, b, wa, wb)                                                          \
    "smultb " #b ", r12, " #wa "\nsmuad " #a ", r12, " #wa "\nsmlabt " #a ", lr, " #wb ", " #a "\n"          \
    "smlad " #b ", lr, " #wb ", " #b "\n"

/* A row of the window for one output. */
#define MCUQ_DEPTHWISE_3X3_ONE(a, wa, wb)                                                                  \
    "smlad " #a ", r12, " #wa ", " #a "\nsmlabt " #a ", lr, " #wb ", " #a "\n"
#define MCUQ_DEPTHWISE_3X3_ONE_BEGIN(a, wa, wb)                                                            \
    "smuad " #a ", r12, " #wa "\nsmlabt " #a ", lr, " #wb ", " #a "\n"

/* The same for the output two pixels on, whose third word is still to be loaded. */
#define MCUQ_DEPTHWISE_3X3_NEXT(b, wa) "smlad " #b ", lr, " #wa ", " #b "\n"
#define MCUQ_DEPTHWISE_3X3_NEXT_BEGIN(b, wa) "smuad " #b ", lr, " #wa "\n"
#define MCUQ_DEPTHWISE_3X3_LAST(b, wb) "smlabt " #b ", r12, " #wb ", " #b "\n"
#define MCUQ_DEPTHWISE_3X3_THIRD(at) "ldr r12, [r0, #" #at "+8]\n"

/* Sums to codes, here or in the long form, then on at `back`. */
#define MCUQ_DEPTHWISE_3X3_CODES(sums, long, back)                                                         \
    "ldr r12, [sp, #4]\nldr lr, [sp, #8]\ncmp r12, #0\nbmi.w " #long "\n"                                 \
    ".irp s," sums "\nsmmlar \\s, \\s, r12, lr\n.endr\n"                                           \
    ".irp s," sums "\nssat \\s, #8, \\s, asr #17\n.endr\n" #back ":\n"

/* Four outputs, `step` bytes of x on, again until the row's end. */
#define MCUQ_DEPTHWISE_3X3_STORE_FOUR(step)                                                                \
    MCUQ_DEPTHWISE_3X3_CODES("r8,r9,r10,r11", 5b, 9)                                                    \
    "ldr r12, [sp, #20]\nldr lr, [sp, #16]\nstrb r10, [r1, r12]\nstrb r8, [r1]\nadd.w r1, r1, lr\n"     \
    "add.w r0, r0, #" #step "\nstrb r11, [r1, r12]\nstrb r9, [r1]\nldr r12, [sp, #24]\n"                  \
    "add.w r1, r1, lr\ncmp.n r0, r12\nbne 2b\n"

/* The two outputs of an odd column. */
#define MCUQ_DEPTHWISE_3X3_STORE_TWO                                                                       \
    MCUQ_DEPTHWISE_3X3_CODES("r8, r10", 11b, 10)                                                           \
    "ldr r12, [sp, #20]\nldr lr, [sp, #16]\nstrb r10, [r1, r12]\nstrb r8, [r1]\nadd.w r1, r1, lr\n"

/* A pair of rows begins. */
#define MCUQ_DEPTHWISE_3X3_ROW_BEGIN "1:\nldr r12, [sp, #24]\ncmp r0, r12\nbeq 3f\n.p2align 2\n2:\n"
#define MCUQ_DEPTHWISE_3X3_ROW_ODD "3:\nldr r12, [sp, #40]\ncmp r12, #0\nbeq 4f\n"

/*
 * It ends; `down` bytes further in x lies the next. After the pairs comes a single row, with the one before it once
 * more; one that is alone is computed as one whose second row lies on top of it and is stored before it. Then the next
 * channel, 36 bytes further in x and 1 in y.
 */
#define MCUQ_DEPTHWISE_3X3_END(down)                                                                       \
    "4:\nldr r8, [sp, #36]\nldr r9, [sp, #24]\nldr r12, [sp, #28]\nldr lr, [sp, #32]\n"                    \
    "add r9, r9, #" #down "\nadd r0, r0, r12\nadd r1, r1, lr\nsubs r8, r8, #1\n"                       \
    "str r8, [sp, #36]\nstr r9, [sp, #24]\nbne 1b\n"                                                    \
    "ldr r8, [sp, #44]\ncmp r8, #0\nbeq 6f\nldr r10, [sp, #20]\n"                                     \
    "sub r0, r0, #" #down "/2\nsub r1, r1, r10\nsub r9, r9, #" #down "/2\nstr r9, [sp, #24]\nb 8f\n"  \
    "7:\nmov r10, #0\nstr r10, [sp, #20]\n"                                                             \
    "8:\nmov r9, #0\nmov r10, #1\nstr r9, [sp, #44]\nstr r10, [sp, #36]\nb 1b\n"                    \
    "6:\nldr r8, [sp, #48]\nldr r9, [sp, #52]\nldr r10, [sp, #56]\n"                                               \
    "add r9, r9, #36\nadd r10, r10, #1\nsubs r8, r8, #1\n"                                              \
    "str r8, [sp, #48]\nstr r9, [sp, #52]\nstr r10, [sp, #56]\nbne 0b\nadd sp, sp, #72\npop {r4-r11, lr}\n"

/* Four channels at stride 1: y = requantized sums, limited to int8. 60 cycles for 36 products. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_3x3_s1(const mcuq_word *x, int8_t *y, mcuq_depthwise_3x3_walk *walk)
{
    MCUQ_REGISTER(const mcuq_word *, r0, x);
    MCUQ_REGISTER(int8_t *, r1, y);
    MCUQ_REGISTER(mcuq_depthwise_3x3_walk *, r2, walk);
    __asm__ volatile(
        MCUQ_DEPTHWISE_3X3_ENTER MCUQ_DEPTHWISE_3X3_LONG MCUQ_DEPTHWISE_3X3_CHANNEL MCUQ_DEPTHWISE_3X3_ROW_BEGIN
        MCUQ_DEPTHWISE_3X3_LOAD(0) MCUQ_DEPTHWISE_3X3_S1_BEGIN(r8, r9, r2, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(144) MCUQ_DEPTHWISE_3X3_S1(r8, r9, r4, r5)
        MCUQ_DEPTHWISE_3X3_S1_BEGIN(r10, r11, r2, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(288) MCUQ_DEPTHWISE_3X3_S1(r8, r9, r6, r7)
        MCUQ_DEPTHWISE_3X3_S1(r10, r11, r4, r5)
        MCUQ_DEPTHWISE_3X3_LOAD(432) MCUQ_DEPTHWISE_3X3_S1(r10, r11, r6, r7)
        MCUQ_DEPTHWISE_3X3_STORE_FOUR(4)
        MCUQ_DEPTHWISE_3X3_ROW_ODD
        MCUQ_DEPTHWISE_3X3_LOAD(0) MCUQ_DEPTHWISE_3X3_ONE_BEGIN(r8, r2, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(144) MCUQ_DEPTHWISE_3X3_ONE(r8, r4, r5) MCUQ_DEPTHWISE_3X3_ONE_BEGIN(r10, r2, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(288) MCUQ_DEPTHWISE_3X3_ONE(r8, r6, r7) MCUQ_DEPTHWISE_3X3_ONE(r10, r4, r5)
        MCUQ_DEPTHWISE_3X3_LOAD(432) MCUQ_DEPTHWISE_3X3_ONE(r10, r6, r7)
        MCUQ_DEPTHWISE_3X3_STORE_TWO
        MCUQ_DEPTHWISE_3X3_END(288)
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/* Four channels at stride 2: y = requantized sums, limited to int8. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_3x3_s2(const mcuq_word *x, int8_t *y, mcuq_depthwise_3x3_walk *walk)
{
    MCUQ_REGISTER(const mcuq_word *, r0, x);
    MCUQ_REGISTER(int8_t *, r1, y);
    MCUQ_REGISTER(mcuq_depthwise_3x3_walk *, r2, walk);
    __asm__ volatile(
        MCUQ_DEPTHWISE_3X3_ENTER MCUQ_DEPTHWISE_3X3_LONG MCUQ_DEPTHWISE_3X3_CHANNEL MCUQ_DEPTHWISE_3X3_ROW_BEGIN
        MCUQ_DEPTHWISE_3X3_LOAD(0) MCUQ_DEPTHWISE_3X3_NEXT_BEGIN(r9, r2) MCUQ_DEPTHWISE_3X3_ONE_BEGIN(r8, r2, r3)
        MCUQ_DEPTHWISE_3X3_THIRD(0) MCUQ_DEPTHWISE_3X3_LAST(r9, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(144) MCUQ_DEPTHWISE_3X3_NEXT(r9, r4) MCUQ_DEPTHWISE_3X3_ONE(r8, r4, r5)
        MCUQ_DEPTHWISE_3X3_THIRD(144) MCUQ_DEPTHWISE_3X3_LAST(r9, r5)
        MCUQ_DEPTHWISE_3X3_LOAD(288) MCUQ_DEPTHWISE_3X3_NEXT(r9, r6) MCUQ_DEPTHWISE_3X3_ONE(r8, r6, r7)
        MCUQ_DEPTHWISE_3X3_NEXT_BEGIN(r11, r2) MCUQ_DEPTHWISE_3X3_ONE_BEGIN(r10, r2, r3)
        MCUQ_DEPTHWISE_3X3_THIRD(288) MCUQ_DEPTHWISE_3X3_LAST(r9, r7) MCUQ_DEPTHWISE_3X3_LAST(r11, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(432) MCUQ_DEPTHWISE_3X3_NEXT(r11, r4) MCUQ_DEPTHWISE_3X3_ONE(r10, r4, r5)
        MCUQ_DEPTHWISE_3X3_THIRD(432) MCUQ_DEPTHWISE_3X3_LAST(r11, r5)
        MCUQ_DEPTHWISE_3X3_LOAD(576) MCUQ_DEPTHWISE_3X3_NEXT(r11, r6) MCUQ_DEPTHWISE_3X3_ONE(r10, r6, r7)
        MCUQ_DEPTHWISE_3X3_THIRD(576) MCUQ_DEPTHWISE_3X3_LAST(r11, r7)
        MCUQ_DEPTHWISE_3X3_STORE_FOUR(8)
        MCUQ_DEPTHWISE_3X3_ROW_ODD
        MCUQ_DEPTHWISE_3X3_LOAD(0) MCUQ_DEPTHWISE_3X3_ONE_BEGIN(r8, r2, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(144) MCUQ_DEPTHWISE_3X3_ONE(r8, r4, r5)
        MCUQ_DEPTHWISE_3X3_LOAD(288) MCUQ_DEPTHWISE_3X3_ONE(r8, r6, r7) MCUQ_DEPTHWISE_3X3_ONE_BEGIN(r10, r2, r3)
        MCUQ_DEPTHWISE_3X3_LOAD(432) MCUQ_DEPTHWISE_3X3_ONE(r10, r4, r5)
        MCUQ_DEPTHWISE_3X3_LOAD(576) MCUQ_DEPTHWISE_3X3_ONE(r10, r6, r7)
        MCUQ_DEPTHWISE_3X3_STORE_TWO
        MCUQ_DEPTHWISE_3X3_END(576)
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

/* 256 times the sum of one output; x: its first word, whose pixel `at` (0 or 1) it begins at. */
MCUQ_KERNEL int32_t mcuq_depthwise_3x3_sum(const mcuq_word *x, int32_t at, const int8_t *weights)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < 3; i++) {
        for (int32_t j = 0; j < 3; j++) {
            const uint32_t word = x[(i * MCUQ_DEPTHWISE_TILE_ROW) + ((at + j) / 2)];
            sum += mcuq_half(word, (uint32_t)((at + j) % 2)) * weights[(3 * i) + j];
        }
    }
    return sum;
}

/* A code of the first of the channels that `walk` points to, from 256 times its sum. */
static inline int32_t mcuq_depthwise_3x3_code(const mcuq_depthwise_3x3_walk *walk, int32_t sum)
{
    const int32_t right = -*walk->scale;
    if (right > 0) {
        const int32_t offset = mcuq_offset_dsp(right, walk->y_zero_point);
        return mcuq_requantize_dsp((sum / 256) + (*walk->addend / 2), *walk->multiplier, right, offset);
    }
    return mcuq_requantize_short(sum, *walk->scale, *walk->multiplier, *walk->addend);
}

/* All codes of that channel. */
MCUQ_KERNEL void mcuq_depthwise_3x3_one(const mcuq_word *x, int8_t *y, const mcuq_depthwise_3x3_walk *walk,
                                        int32_t stride)
{
    const int32_t rows = (2 * walk->rows) + walk->is_single;
    const int32_t cols = (walk->pairs / (2 * stride)) + walk->is_odd;
    for (int32_t oy = 0; oy < rows; oy++) {
        for (int32_t ox = 0; ox < cols; ox++) {
            const mcuq_word *const from = &x[(oy * stride * MCUQ_DEPTHWISE_TILE_ROW) + ((ox * stride) / 2)];
            const int32_t sum = mcuq_depthwise_3x3_sum(from, (ox * stride) % 2, walk->weights);
            y[(oy * walk->row) + (ox * walk->pixel)] = (int8_t)mcuq_depthwise_3x3_code(walk, sum);
        }
    }
}

MCUQ_KERNEL void mcuq_depthwise_3x3_four(const mcuq_word *x, int8_t *y, mcuq_depthwise_3x3_walk *walk, int32_t stride)
{
    for (int32_t i = 0; i < 4; i++) {
        mcuq_depthwise_3x3_one(&x[MCUQ_DEPTHWISE_TILE_WORDS * i], &y[i], walk, stride);
        walk->addend = &walk->addend[1];
        walk->multiplier = &walk->multiplier[1];
        walk->scale = &walk->scale[1];
        walk->weights = &walk->weights[9];
    }
}

MCUQ_KERNEL void mcuq_depthwise_3x3_s1(const mcuq_word *x, int8_t *y, mcuq_depthwise_3x3_walk *walk)
{
    mcuq_depthwise_3x3_four(x, y, walk, 1);
}

MCUQ_KERNEL void mcuq_depthwise_3x3_s2(const mcuq_word *x, int8_t *y, mcuq_depthwise_3x3_walk *walk)
{
    mcuq_depthwise_3x3_four(x, y, walk, 2);
}

#endif

#endif
