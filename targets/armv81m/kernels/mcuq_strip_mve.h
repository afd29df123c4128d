/*
 * Windows of one channel each: codes of images brought into strips, and the products of strips with filters.
 */
#ifndef MCUQ_STRIP_MVE_H
#define MCUQ_STRIP_MVE_H

#include "mcuq_mve.h"

/*
 * A strip holds what windows of some rows of outputs read of one channel, column after column: in column j at
 * j * column_c + i the code of row i. So the taps of a window lie together, with those of other rows between columns.
 */

/* `rows` by `columns` of `lanes` channels, 1 to 8: x_step and row_step codes lie between columns and rows of x. */
typedef struct {
    int32_t columns;
    int32_t x_step;
    int32_t column_c;
    int32_t pitch;
    int32_t lanes;
    int32_t rows;
    int32_t row_step;
} mcuq_strip_mve_part;

/*
 * x0 to x3: the strips of four output channels, where the first window begins; the next one is `step` codes on.
 * weights: for windows of up to 16 codes `taps` of each channel, that of code k at places[k], none where that is -1;
 * for longer ones [ceil(taps / 16)][4][16], filled up with 0.
 * channels: [4] biases, [4] multipliers, [4] shifts. y: `lanes` (1 to 4) channels of `count` pixels, out_c codes apart.
 * rows: of outputs, 1 for longer windows; x_next and y_next codes lie between the end of one and the next.
 */
typedef struct {
    const int8_t *x0;
    const int8_t *x1;
    int8_t *y;
    const int8_t *x2;
    int32_t step;
    const int8_t *x3;
    int32_t out_c;
    const int32_t *channels;
    int32_t y_zero_point;
    int32_t count;
    const int8_t *weights;
    int32_t taps;
    int32_t lanes;
    int32_t has_left;
    const int8_t *places;
    int32_t rows;
    int32_t x_next;
    int32_t y_next;
} mcuq_strip_mve_walk;

#if MCUQ_HAS_MVE

/* to[channel * pitch + column * column_c + row] = x[row * row_step + column * x_step + channel]; pitch < 9362. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_strip_mve_fill(int8_t *to, const int8_t *x, const mcuq_strip_mve_part *part)
{
    MCUQ_REGISTER(int8_t *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, x);
    MCUQ_REGISTER(const mcuq_strip_mve_part *, r2, part);
    __asm__ volatile("push {r4-r8, lr}\n ldm r2, {r3-r8, r12}\n movs r2, #0\n vidup.u16 q1, r2, #1\n"
                     "vmul.i16 q1, q1, r6\n vctp.16 r7\n"
                     "1:\n mov r2, r1\n mov r7, r0\n dls lr, r3\n"
                     "2:\n vpst\n vldrbt.u16 q0, [r2]\n add r2, r2, r4\n vstrb.16 q0, [r7, q1]\n add r7, r7, r5\n"
                     "le lr, 2b\n"
                     "add r1, r1, r12\n add r0, r0, #1\n subs r8, r8, #1\n bne 1b\n"
                     "pop {r4-r8, lr}\n"
                     : "+r"(r0), "+r"(r1), "+r"(r2)
                     :
                     : "r3", "r12", "q0", "q1", "cc", "memory");
}

/*
 * Assembly text: sums in r0, r2, r4, r6 to codes of the channels whose multipliers are in q2 and whose right shifts in
 * q3, stored to r5. Flags say "equal" where no channel shifts left; r11 = channels, r12 = the zero point, P0 = lanes.
 * int8 is the limit: narrower ones are applied by mcuq_strip_mve_limit.
 */
#define MCUQ_STRIP_MVE_STORE                                                                               \
    "vmov q0[2], q0[0], r0, r4\n vmov q0[3], q0[1], r2, r6\n beq 4f\n"                                     \
    "vldrw.u32 q1, [r11, #32]\n vsub.i32 q1, q1, q3\n vshl.s32 q0, q0, q1\n"                               \
    "4:\n" MCUQ_MVE_ROUND(q0, q1, q2, q3) "vadd.i32 q0, q0, r12\n vqmovnb.s32 q0, q0\n vqmovnb.s16 q0, q0\n" \
    "vpst\n vstrbt.32 q0, [r5]\n add.w r5, r5, r10\n"

/* Assembly text: what a walk holds in registers; r0 = the walk still, r2 = weights, r4 = taps. */
#define MCUQ_STRIP_MVE_BEGIN                                                                               \
    "push {r4-r11, lr}\n vpush {d8-d15}\n ldm r0, {r1, r3, r5, r7-r12, lr}\n"                              \
    "vldrw.u32 q2, [r11, #16]\n vldrw.u32 q3, [r11, #32]\n vmov.i32 q0, #0\n vmin.s32 q3, q3, q0\n"        \
    "ldrd r2, r4, [r0, #40]\n"

/*
 * y = codes of windows of up to 16 codes: the filters stay in q4 to q7. The stack holds, by offset: 0 has_left,
 * 4 count, 8 rows, 12 x_next, 16 y_next.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_strip_mve_short(const mcuq_strip_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_strip_mve_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_STRIP_MVE_BEGIN
        "ldr r6, [r0, #56]\n vldrb.u8 q0, [r6]\n vcmp.s8 ge, q0, zr\n"
        "vpst\n vldrbt.u8 q4, [r2, q0]\n add r2, r2, r4\n vpst\n vldrbt.u8 q5, [r2, q0]\n add r2, r2, r4\n"
        "vpst\n vldrbt.u8 q6, [r2, q0]\n add r2, r2, r4\n vpst\n vldrbt.u8 q7, [r2, q0]\n"
        "ldrd r2, r4, [r0, #60]\n ldr r6, [r0, #68]\n push {r2, r4, r6}\n"
        "ldrd r6, r0, [r0, #48]\n vctp.32 r6\n push {r0, lr}\n"
        "0:\n ldrd r0, lr, [sp, #0]\n cmp r0, #0\n"
        "1:\n ldm.w r11, {r0, r2, r4, r6}\n"
        "vldrb.u8 q0, [r1]\n add.w r1, r1, r8\n vmladava.s8 r0, q0, q4\n"
        "vldrb.u8 q1, [r3]\n add.w r3, r3, r8\n vmladava.s8 r2, q1, q5\n"
        "vldrb.u8 q0, [r7]\n add.w r7, r7, r8\n vmladava.s8 r4, q0, q6\n"
        "vldrb.u8 q1, [r9]\n add.w r9, r9, r8\n vmladava.s8 r6, q1, q7\n" MCUQ_STRIP_MVE_STORE
        "le lr, 1b\n"
        "ldrd r0, r2, [sp, #12]\n add r1, r1, r0\n add r3, r3, r0\n add r7, r7, r0\n add r9, r9, r0\n"
        "add r5, r5, r2\n ldr r0, [sp, #8]\n subs r0, r0, #1\n str r0, [sp, #8]\n bne 0b\n"
        "add sp, sp, #20\n vpop {d8-d15}\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/*
 * The same for any number of taps, 16 at a time. The stack holds, by offset: 0 weights, 4 sixteens of taps,
 * 8 has_left, 12 zero point, 16 count.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_strip_mve_long(const mcuq_strip_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_strip_mve_walk *, r0, walk);
    __asm__ volatile(
        MCUQ_STRIP_MVE_BEGIN
        "ldrd r6, r0, [r0, #48]\n vctp.32 r6\n mov r6, r0\n add r4, r4, #15\n lsr r4, r4, #4\n"
        "sub.w r8, r8, r4, lsl #4\n"
        "push {r2, r4, r6, r12, lr}\n"
        "1:\n ldm.w r11, {r0, r2, r4, r6}\n ldrd r12, lr, [sp]\n"
        "2:\n vldrb.u8 q0, [r1], #16\n vldrb.u8 q1, [r12], #64\n vmladava.s8 r0, q0, q1\n"
        "vldrb.u8 q0, [r3], #16\n vldrb.u8 q1, [r12, #-48]\n vmladava.s8 r2, q0, q1\n"
        "vldrb.u8 q0, [r7], #16\n vldrb.u8 q1, [r12, #-32]\n vmladava.s8 r4, q0, q1\n"
        "vldrb.u8 q0, [r9], #16\n vldrb.u8 q1, [r12, #-16]\n vmladava.s8 r6, q0, q1\n le lr, 2b\n"
        "add.w r1, r1, r8\n add.w r3, r3, r8\n add.w r7, r7, r8\n add.w r9, r9, r8\n"
        "ldrd lr, r12, [sp, #8]\n cmp lr, #0\n" MCUQ_STRIP_MVE_STORE
        "ldr lr, [sp, #16]\n subs lr, lr, #1\n str lr, [sp, #16]\n bne 1b\n"
        "add sp, sp, #20\n vpop {d8-d15}\n pop {r4-r11, lr}\n"
        : "+r"(r0)
        :
        : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* y[k] = y[k] limited to [lo, hi] for k below count. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_strip_mve_limit(int8_t *y, int32_t count, int32_t lo, int32_t hi)
{
    MCUQ_REGISTER(int8_t *, r0, y);
    MCUQ_REGISTER(int32_t, r1, count);
    MCUQ_REGISTER(int32_t, r2, lo);
    MCUQ_REGISTER(int32_t, r3, hi);
    __asm__ volatile("push {r4, lr}\n vdup.8 q1, r2\n vdup.8 q2, r3\n wlstp.8 lr, r1, 2f\n"
                     "1:\n vldrb.u8 q0, [r0]\n vmax.s8 q0, q0, q1\n vmin.s8 q0, q0, q2\n vstrb.8 q0, [r0], #16\n"
                     "letp lr, 1b\n"
                     "2:\n pop {r4, lr}\n"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
                     :
                     : "r12", "q0", "q1", "q2", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_strip_mve_fill(int8_t *to, const int8_t *x, const mcuq_strip_mve_part *part)
{
    for (int32_t row = 0; row < part->rows; row++) {
        for (int32_t column = 0; column < part->columns; column++) {
            for (int32_t lane = 0; lane < part->lanes; lane++) {
                to[(lane * part->pitch) + (column * part->column_c) + row] =
                    x[(row * part->row_step) + (column * part->x_step) + lane];
            }
        }
    }
}

/* The code of channel `lane` for a sum of products. */
static inline int8_t mcuq_strip_mve_code(const mcuq_strip_mve_walk *walk, int32_t sum, int32_t lane)
{
    const int32_t *const channel = &walk->channels[lane];
    const int32_t value = mcuq_requantize(channel[0] + sum, channel[4], channel[8]);
    return mcuq_clamp(value + walk->y_zero_point, -128, 127);
}

/* One output of a window of up to 16 codes. */
static inline int8_t mcuq_strip_mve_one(const mcuq_strip_mve_walk *walk, const int8_t *x, int32_t lane)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < 16; k++) {
        if (walk->places[k] >= 0) {
            sum += x[k] * walk->weights[(walk->taps * lane) + walk->places[k]];
        }
    }
    return mcuq_strip_mve_code(walk, sum, lane);
}

MCUQ_KERNEL void mcuq_strip_mve_short(const mcuq_strip_mve_walk *walk)
{
    const int8_t *const x[4] = {walk->x0, walk->x1, walk->x2, walk->x3};
    const int32_t x_row = (walk->count * walk->step) + walk->x_next;
    const int32_t y_row = (walk->count * walk->out_c) + walk->y_next;
    for (int32_t row = 0; row < walk->rows; row++) {
        for (int32_t pixel = 0; pixel < walk->count; pixel++) {
            for (int32_t lane = 0; lane < walk->lanes; lane++) {
                const int8_t *const window = &x[lane][(row * x_row) + (pixel * walk->step)];
                walk->y[(row * y_row) + (pixel * walk->out_c) + lane] = mcuq_strip_mve_one(walk, window, lane);
            }
        }
    }
}

MCUQ_KERNEL void mcuq_strip_mve_long(const mcuq_strip_mve_walk *walk)
{
    const int8_t *const x[4] = {walk->x0, walk->x1, walk->x2, walk->x3};
    for (int32_t pixel = 0; pixel < walk->count; pixel++) {
        for (int32_t lane = 0; lane < walk->lanes; lane++) {
            const int8_t *const window = &x[lane][pixel * walk->step];
            int32_t sum = 0;
            for (int32_t k = 0; k < walk->taps; k++) {
                sum += window[k] * walk->weights[(64 * (k / 16)) + (16 * lane) + (k % 16)];
            }
            walk->y[(pixel * walk->out_c) + lane] = mcuq_strip_mve_code(walk, sum, lane);
        }
    }
}

MCUQ_KERNEL void mcuq_strip_mve_limit(int8_t *y, int32_t count, int32_t lo, int32_t hi)
{
    for (int32_t k = 0; k < count; k++) {
        y[k] = mcuq_clamp(y[k], lo, hi);
    }
}

#endif

#endif
