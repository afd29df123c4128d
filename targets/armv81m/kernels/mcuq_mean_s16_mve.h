/*
 * Mean over windows inside the image, int16, for cores with vector instructions (MVE).
 */
#ifndef MCUQ_MEAN_S16_MVE_H
#define MCUQ_MEAN_S16_MVE_H

#include "mcuq_pool_mve.h"
#include "mcuq_wide.h"

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels].
 * offset: x_zero_point * kernel_h * kernel_w. The multiplier holds the division by the number of taps.
 */
typedef struct {
    int32_t n;
    int32_t in_h;
    int32_t in_w;
    int32_t channels;
    int32_t out_h;
    int32_t out_w;
    int32_t kernel_h;
    int32_t kernel_w;
    int32_t stride_h;
    int32_t stride_w;
    int32_t offset;
    int32_t multiplier;
    int32_t shift;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_mean_s16_mve_params;

#if MCUQ_HAS_MVE

/*
 * y[c] = clamp(requantize(sum x - offset) + y_zero_point, lo, hi), 8 channels at a time; x, y and steps of the window
 * count bytes. Sums of channels 0, 2, 4, 6 are in q2 and of 1, 3, 5, 7 in q3, the zero point is on the stack.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_mean_s16_mve_window(const mcuq_pool_mve_window *window,
                                                        const mcuq_pool_mve_scale *scale)
{
    MCUQ_REGISTER(const mcuq_pool_mve_window *, r0, window);
    MCUQ_REGISTER(const mcuq_pool_mve_scale *, r1, scale);
    __asm__ volatile("push {r4-r11, lr}\n vpush {d8-d13}\n"
                     "ldm r1, {r2-r8}\n push {r5}\n vdup.32 q4, r6\n vdup.32 q5, r7\n vdup.32 q6, r8\n"
                     "rsb r9, r2, #0\n mov r10, r3\n mov r11, r4\n ldm r0, {r1-r7}\n"
                     "1:\n vctp.16 r7\n vmov.i32 q2, #0\n vmov.i32 q3, #0\n mov r8, r1\n mov r12, r3\n"
                     "2:\n mov r0, r8\n dls lr, r4\n"
                     "3:\n vpst\n vldrht.u16 q0, [r0]\n add r0, r0, r6\n vmovlb.s16 q1, q0\n vadd.i32 q2, q2, q1\n"
                     "vmovlt.s16 q1, q0\n vadd.i32 q3, q3, q1\n le lr, 3b\n"
                     "add r8, r8, r5\n subs r12, r12, #1\n bne 2b\n"
                     "ldr r0, [sp, #0]\n vadd.i32 q2, q2, r9\n vadd.i32 q3, q3, r9\n"
                     "vshl.s32 q2, r10\n vshl.s32 q3, r10\n"
                     MCUQ_MVE_CODES(q2, q0, r11, q4, r0, q5, q6) MCUQ_MVE_CODES(q3, q0, r11, q4, r0, q5, q6)
                     "vmovnt.i32 q2, q3\n vpst\n vstrht.16 q2, [r2], #16\n add r1, r1, #16\n subs r7, r7, #8\n bgt 1b\n"
                     "add sp, sp, #4\n vpop {d8-d13}\n pop {r4-r11, lr}\n"
                     : "+r"(r0), "+r"(r1)
                     :
                     : "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_mean_s16_mve_window(const mcuq_pool_mve_window *window, const mcuq_pool_mve_scale *scale)
{
    const mcuq_int16 *const x = (const mcuq_int16 *)(const void *)window->x;
    mcuq_int16 *const y = (mcuq_int16 *)(void *)window->y;
    for (int32_t c = 0; c < window->channels; c++) {
        int32_t sum = -scale->offset;
        for (int32_t i = 0; i < window->rows; i++) {
            for (int32_t j = 0; j < window->columns; j++) {
                sum += x[(i * (window->row_step / 2)) + (j * (window->column_step / 2)) + c];
            }
        }
        const int32_t value = mcuq_requantize(sum, scale->multiplier, scale->left + scale->right);
        y[c] = mcuq_clamp_s16(value + scale->y_zero_point, scale->lo, scale->hi);
    }
}

#endif

/*
 * y = clamp(requantize(sum x - offset) + y_zero_point, lo, hi)
 *
 * y may overlap x a multiple of `channels` codes away where nothing is read any more: pixel by
 * pixel, each channel is read before it is written.
 */
MCUQ_CALLED void mcuq_mean_s16_mve(const mcuq_mean_s16_mve_params *p, const mcuq_int16 *x, mcuq_int16 *y)
{
    const mcuq_pool_mve_scale scale = {
        .offset = p->offset,
        .left = (p->shift > 0) ? p->shift : 0,
        .multiplier = p->multiplier,
        .y_zero_point = p->y_zero_point,
        .right = (p->shift > 0) ? 0 : p->shift,
        .lo = p->lo,
        .hi = p->hi,
    };
    mcuq_pool_mve_window window = {
        .y = (int8_t *)(void *)y,
        .rows = p->kernel_h,
        .columns = p->kernel_w,
        .row_step = 2 * p->in_w * p->channels,
        .column_step = 2 * p->channels,
        .channels = p->channels,
    };
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            for (int32_t ox = 0; ox < p->out_w; ox++) {
                const mcuq_int16 *const first = &x[((oy * p->stride_h * p->in_w) + (ox * p->stride_w)) * p->channels];
                window.x = (const int8_t *)(const void *)first;
                mcuq_mean_s16_mve_window(&window, &scale);
                window.y = &window.y[2 * p->channels];
            }
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
