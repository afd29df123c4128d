/*
 * Rows of codes copied, and codes set to one value, 16 at once.
 */
#ifndef MCUQ_ROWS_MVE_H
#define MCUQ_ROWS_MVE_H

#include "mcuq_mve.h"

/* `rows` times `count` codes, at least one row; from_step and to_step codes between the beginnings of two rows. */
typedef struct {
    int32_t count;
    int32_t from_step;
    int32_t to_step;
    int32_t rows;
} mcuq_rows_mve_shape;

/* The first tap of a window at `at` that is not before the image. */
static inline int32_t mcuq_rows_mve_first(int32_t at, int32_t dilation)
{
    return (at < 0) ? (((-at + dilation) - 1) / dilation) : 0;
}

/* The first tap of a window at `at` that is behind an image of `size`, or the number of taps. */
static inline int32_t mcuq_rows_mve_last(int32_t at, int32_t size, int32_t dilation, int32_t taps)
{
    const int32_t left = size - at;
    const int32_t last = (left > 0) ? (((left + dilation) - 1) / dilation) : 0;
    return (last < taps) ? last : taps;
}

#if MCUQ_HAS_MVE

/* to[row * to_step + k] = from[row * from_step + k]; no overlap. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_rows_mve(int8_t *to, const int8_t *from, const mcuq_rows_mve_shape *shape)
{
    MCUQ_REGISTER(int8_t *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, from);
    MCUQ_REGISTER(const mcuq_rows_mve_shape *, r2, shape);
    __asm__ volatile("push {r4-r6, lr}\n ldm r2, {r3-r6}\n"
                     "1:\n mov r2, r1\n mov r12, r0\n wlstp.8 lr, r3, 3f\n"
                     "2:\n vldrb.u8 q0, [r2], #16\n vstrb.8 q0, [r12], #16\n letp lr, 2b\n"
                     "3:\n add r1, r1, r4\n add r0, r0, r5\n subs r6, r6, #1\n bne 1b\n"
                     "pop {r4-r6, lr}\n"
                     : "+r"(r0), "+r"(r1), "+r"(r2)
                     :
                     : "r3", "r12", "q0", "cc", "memory");
}

/* to[k] = value for k below count. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_rows_mve_fill(int8_t *to, int32_t value, int32_t count)
{
    MCUQ_REGISTER(int8_t *, r0, to);
    MCUQ_REGISTER(int32_t, r1, value);
    MCUQ_REGISTER(int32_t, r2, count);
    __asm__ volatile("push {r4, lr}\n vdup.8 q0, r1\n wlstp.8 lr, r2, 2f\n"
                     "1:\n vstrb.8 q0, [r0], #16\n letp lr, 1b\n"
                     "2:\n pop {r4, lr}\n"
                     : "+r"(r0), "+r"(r1), "+r"(r2)
                     :
                     : "r3", "r12", "q0", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_rows_mve(int8_t *to, const int8_t *from, const mcuq_rows_mve_shape *shape)
{
    for (int32_t row = 0; row < shape->rows; row++) {
        for (int32_t k = 0; k < shape->count; k++) {
            to[(row * shape->to_step) + k] = from[(row * shape->from_step) + k];
        }
    }
}

MCUQ_KERNEL void mcuq_rows_mve_fill(int8_t *to, int32_t value, int32_t count)
{
    for (int32_t k = 0; k < count; k++) {
        to[k] = (int8_t)value;
    }
}

#endif

#endif
