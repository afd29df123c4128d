/*
 * The largest code, and sums of codes, of one window for all channels.
 */
#ifndef MCUQ_POOL_MVE_H
#define MCUQ_POOL_MVE_H

#include "mcuq_rows_mve.h"

/* Images [in_h][in_w][channels] and windows over them. */
typedef struct {
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t dilation_h;
    int32_t dilation_w;
} mcuq_pool_mve_shape;

/*
 * The part of a window that lies in the image, at least one tap: x is channel 0 of the first one; row_step and
 * column_step codes lie between rows and columns. y: all channels of a pixel. Sums take up to 255 columns.
 */
typedef struct {
    const int8_t *x;
    int8_t *y;
    int32_t rows;
    int32_t columns;
    int32_t row_step;
    int32_t column_step;
    int32_t channels;
} mcuq_pool_mve_window;

/* Sums less an offset are shifted left and requantized; `right` is not positive. */
typedef struct {
    int32_t offset;
    int32_t left;
    int32_t multiplier;
    int32_t y_zero_point;
    int32_t right;
    int32_t lo;
    int32_t hi;
} mcuq_pool_mve_scale;

/* Sums less an offset are divided by `count` <= 4087; half = count / 2, reciprocal = 2^31 / count rounded up. */
typedef struct {
    int32_t offset;
    int32_t half;
    uint32_t reciprocal;
} mcuq_pool_mve_share;

/* The part in image x of the window at (row, col); returns its number of taps, for 0 of which it is left undefined. */
MCUQ_KERNEL int32_t mcuq_pool_mve_inside(mcuq_pool_mve_window *window, const mcuq_pool_mve_shape *s, const int8_t *x,
                                         int32_t row, int32_t col)
{
    const int32_t top = mcuq_rows_mve_first(row, s->dilation_h);
    const int32_t left = mcuq_rows_mve_first(col, s->dilation_w);
    window->rows = mcuq_rows_mve_last(row, s->in_h, s->dilation_h, s->kernel_h) - top;
    window->columns = mcuq_rows_mve_last(col, s->in_w, s->dilation_w, s->kernel_w) - left;
    if ((window->rows <= 0) || (window->columns <= 0)) {
        return 0;
    }
    window->x = &x[(((row + (top * s->dilation_h)) * s->in_w) + col + (left * s->dilation_w)) * s->channels];
    window->row_step = s->dilation_h * s->in_w * s->channels;
    window->column_step = s->dilation_w * s->channels;
    window->channels = s->channels;
    return window->rows * window->columns;
}

#if MCUQ_HAS_MVE

/* y[c] = the largest x of channel c. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_pool_mve_max(const mcuq_pool_mve_window *window)
{
    MCUQ_REGISTER(const mcuq_pool_mve_window *, r0, window);
    __asm__ volatile("push {r4-r8, lr}\n ldm r0, {r1-r7}\n"
                     "1:\n vctp.8 r7\n vmov.i8 q0, #128\n mov r8, r1\n mov r12, r3\n"
                     "2:\n mov r0, r8\n dls lr, r4\n"
                     "3:\n vpst\n vldrbt.u8 q1, [r0]\n add r0, r0, r6\n vmax.s8 q0, q0, q1\n le lr, 3b\n"
                     "add r8, r8, r5\n subs r12, r12, #1\n bne 2b\n"
                     "vpst\n vstrbt.8 q0, [r2], #16\n add r1, r1, #16\n subs r7, r7, #16\n bgt 1b\n"
                     "pop {r4-r8, lr}\n"
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "cc", "memory");
}

/* Assembly text: from 1 on, sums of channels 0, 2, 4, 6 to q2 and of 1, 3, 5, 7 to q3; a row in 16 bits. */
#define MCUQ_POOL_MVE_SUMS                                                                                 \
    "1:\n vctp.16 r7\n vmov.i32 q2, #0\n vmov.i32 q3, #0\n mov r8, r1\n mov r12, r3\n"                     \
    "2:\n mov r0, r8\n vmov.i32 q0, #0\n dls lr, r4\n"                                                     \
    "3:\n vpst\n vldrbt.s16 q1, [r0]\n add r0, r0, r6\n vadd.i16 q0, q0, q1\n le lr, 3b\n"                 \
    "vmovlb.s16 q1, q0\n vadd.i32 q2, q2, q1\n vmovlt.s16 q1, q0\n vadd.i32 q3, q3, q1\n"                  \
    "add r8, r8, r5\n subs r12, r12, #1\n bne 2b\n"

/* Assembly text: the codes in q2 and q3 to y, and the next 8 channels, at 1. */
#define MCUQ_POOL_MVE_NEXT                                                                                 \
    "vmovnt.i32 q2, q3\n vpst\n vstrbt.16 q2, [r2], #8\n add r1, r1, #8\n subs r7, r7, #8\n bgt 1b\n"

/* y[c] = clamp(requantize(sum x - offset) + y_zero_point, lo, hi); the zero point is on the stack. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_pool_mve_mean(const mcuq_pool_mve_window *window, const mcuq_pool_mve_scale *scale)
{
    MCUQ_REGISTER(const mcuq_pool_mve_window *, r0, window);
    MCUQ_REGISTER(const mcuq_pool_mve_scale *, r1, scale);
    __asm__ volatile("push {r4-r11, lr}\n vpush {d8-d13}\n"
                     "ldm r1, {r2-r8}\n push {r5}\n vdup.32 q4, r6\n vdup.32 q5, r7\n vdup.32 q6, r8\n"
                     "rsb r9, r2, #0\n mov r10, r3\n mov r11, r4\n ldm r0, {r1-r7}\n" MCUQ_POOL_MVE_SUMS
                     "ldr r0, [sp, #0]\n vadd.i32 q2, q2, r9\n vadd.i32 q3, q3, r9\n"
                     "vshl.s32 q2, r10\n vshl.s32 q3, r10\n"
                     MCUQ_MVE_CODES(q2, q0, r11, q4, r0, q5, q6) MCUQ_MVE_CODES(q3, q0, r11, q4, r0, q5, q6)
                     MCUQ_POOL_MVE_NEXT
                     "add sp, sp, #4\n vpop {d8-d13}\n pop {r4-r11, lr}\n"
                     : "+r"(r0), "+r"(r1)
                     :
                     : "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* Assembly text: a sum divided, ties away from zero: the doubled magnitude by the reciprocal, then the sign. */
#define MCUQ_POOL_MVE_DIVIDE(q)                                                                            \
    "vadd.i32 " #q ", " #q ", r9\n vabs.s32 q0, " #q "\n vshr.s32 q1, " #q ", #31\n vadd.i32 q0, q0, r10\n"  \
    "vshl.i32 q0, q0, #1\n vmulh.u32 q0, q0, q4\n veor q0, q0, q1\n vsub.i32 " #q ", q0, q1\n"

/* y[c] = (sum x - offset) / count, to nearest, ties away from zero. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_pool_mve_average(const mcuq_pool_mve_window *window,
                                                     const mcuq_pool_mve_share *share)
{
    MCUQ_REGISTER(const mcuq_pool_mve_window *, r0, window);
    MCUQ_REGISTER(const mcuq_pool_mve_share *, r1, share);
    __asm__ volatile("push {r4-r11, lr}\n vpush {d8-d9}\n"
                     "ldm r1, {r2-r4}\n vdup.32 q4, r4\n rsb r9, r2, #0\n mov r10, r3\n ldm r0, {r1-r7}\n"
                     MCUQ_POOL_MVE_SUMS MCUQ_POOL_MVE_DIVIDE(q2) MCUQ_POOL_MVE_DIVIDE(q3) MCUQ_POOL_MVE_NEXT
                     "vpop {d8-d9}\n pop {r4-r11, lr}\n"
                     : "+r"(r0), "+r"(r1)
                     :
                     : "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_pool_mve_max(const mcuq_pool_mve_window *window)
{
    for (int32_t c = 0; c < window->channels; c++) {
        int8_t largest = -128;
        for (int32_t i = 0; i < window->rows; i++) {
            for (int32_t j = 0; j < window->columns; j++) {
                const int8_t code = window->x[(i * window->row_step) + (j * window->column_step) + c];
                largest = (code > largest) ? code : largest;
            }
        }
        window->y[c] = largest;
    }
}

/* The sum of channel c. */
static inline int32_t mcuq_pool_mve_sum(const mcuq_pool_mve_window *window, int32_t c)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < window->rows; i++) {
        for (int32_t j = 0; j < window->columns; j++) {
            sum += window->x[(i * window->row_step) + (j * window->column_step) + c];
        }
    }
    return sum;
}

MCUQ_KERNEL void mcuq_pool_mve_mean(const mcuq_pool_mve_window *window, const mcuq_pool_mve_scale *scale)
{
    for (int32_t c = 0; c < window->channels; c++) {
        const int32_t sum = mcuq_pool_mve_sum(window, c) - scale->offset;
        const int32_t value = mcuq_requantize(sum, scale->multiplier, scale->left + scale->right);
        window->y[c] = mcuq_clamp(value + scale->y_zero_point, scale->lo, scale->hi);
    }
}

MCUQ_KERNEL void mcuq_pool_mve_average(const mcuq_pool_mve_window *window, const mcuq_pool_mve_share *share)
{
    for (int32_t c = 0; c < window->channels; c++) {
        const int32_t sum = mcuq_pool_mve_sum(window, c) - share->offset;
        const uint32_t size = (uint32_t)((sum < 0) ? -sum : sum) + (uint32_t)share->half;
        const int32_t mean = (int32_t)(((uint64_t)size * share->reciprocal) >> 31);
        window->y[c] = (int8_t)((sum < 0) ? -mean : mean);
    }
}

#endif

#endif
