/*
 * Maximum over a window, int8, for cores with DSP instructions: four channels at a time.
 */
#ifndef MCUQ_MAX_POOL_S8_DSP_H
#define MCUQ_MAX_POOL_S8_DSP_H

#include "mcuq_pool_dsp.h"

/* Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]. */
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
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
} mcuq_max_pool_s8_dsp_params;

/* Four times the smallest code. */
#define MCUQ_MAX_POOL_S8_DSP_LEAST 0x80808080U

#if MCUQ_HAS_UNALIGNED

/*
 * Eights of channels, `count` of them, at least 1, as the window has rows and columns: 12 cycles for 8 codes.
 *
 * The stack holds rows and columns; r0 is the first tap, r4 a row's, r5 the tap, r7 and r8 the largest codes.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_max_pool_s8_dsp_eights(const mcuq_pool_dsp_window *w, int32_t count, int8_t *y)
{
    MCUQ_REGISTER(const mcuq_pool_dsp_window *, r0, w);
    MCUQ_REGISTER(int32_t, r1, count);
    MCUQ_REGISTER(int8_t *, r2, y);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r0, {r0, r3, r6, r9, r10}\n push {r3, r6}\n"
        ".p2align 2\n"
        "1:\n mov.w r7, #0x80808080\n mov.w r8, r7\n mov.w r4, r0\n ldr.w r3, [sp, #0]\n"
        "2:\n ldr.w r6, [sp, #4]\n mov.w r5, r4\n add.w r4, r4, r9\n"
        "3:\n ldr.w r11, [r5, #0]\n ldr.w r12, [r5, #4]\n add.w r5, r5, r10\n"
        "ssub8 lr, r7, r11\n sel r7, r7, r11\n ssub8 lr, r8, r12\n sel r8, r8, r12\n"
        "subs.n r6, r6, #1\n bne.n 3b\n"
        "subs.n r3, r3, #1\n bne.n 2b\n"
        "str.w r7, [r2, #0]\n str.w r8, [r2, #4]\n adds.n r0, r0, #8\n adds.n r2, r2, #8\n"
        "subs.n r1, r1, #1\n bne.n 1b\n"
        "add sp, sp, #8\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_max_pool_s8_dsp_eights(const mcuq_pool_dsp_window *w, int32_t count, int8_t *y)
{
    for (int32_t c = 0; c < (8 * count); c += 4) {
        uint32_t largest = MCUQ_MAX_POOL_S8_DSP_LEAST;
        for (int32_t i = 0; i < w->rows; i++) {
            for (int32_t j = 0; j < w->cols; j++) {
                const int8_t *const tap = &w->x[(i * w->row_step) + (j * w->col_step)];
                largest = mcuq_larger4(largest, mcuq_load4(&tap[c]));
            }
        }
        (void)memcpy(&y[c], &largest, sizeof largest);
    }
}

#endif

/* Four channels from c on. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_max_pool_s8_dsp_four(const mcuq_pool_dsp_window *w, int32_t c, int8_t *y)
{
    uint32_t largest = MCUQ_MAX_POOL_S8_DSP_LEAST;
    int32_t row = c;
    for (int32_t i = w->rows; i > 0; i--) {
        int32_t at = row;
        for (int32_t left = w->cols; left > 0; left--) {
            largest = mcuq_larger4(largest, mcuq_load4(&w->x[at]));
            at += w->col_step;
        }
        row += w->row_step;
    }
    (void)memcpy(&y[c], &largest, sizeof largest);
}

/* One channel: of images with fewer than four. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_max_pool_s8_dsp_one(const mcuq_pool_dsp_window *w, int32_t c, int8_t *y)
{
    int32_t largest = -128;
    int32_t row = c;
    for (int32_t i = w->rows; i > 0; i--) {
        int32_t at = row;
        for (int32_t left = w->cols; left > 0; left--) {
            largest = (w->x[at] > largest) ? w->x[at] : largest;
            at += w->col_step;
        }
        row += w->row_step;
    }
    y[c] = (int8_t)largest;
}

/* All channels of a window. The last four are computed again where channels is no multiple of 4. */
static inline void mcuq_max_pool_s8_dsp_pixel(const mcuq_pool_dsp_window *w, int32_t channels, int8_t *y)
{
    int32_t c = channels & ~7;
    if (w->rows == 0) {
        (void)memset(y, -128, (size_t)channels);
        return;
    }
    if (c != 0) {
        mcuq_max_pool_s8_dsp_eights(w, channels / 8, y);
    }
    if ((c + 4) <= channels) {
        mcuq_max_pool_s8_dsp_four(w, c, y);
        c += 4;
    }
    if ((c < channels) && (channels >= 4)) {
        mcuq_max_pool_s8_dsp_four(w, channels - 4, y);
        c = channels;
    }
    for (; c < channels; c++) {
        mcuq_max_pool_s8_dsp_one(w, c, y);
    }
}

/* A row of outputs whose windows reach over `rows` of the image x, from first_row on. */
MCUQ_KERNEL void mcuq_max_pool_s8_dsp_row(const mcuq_max_pool_s8_dsp_params *p, const int8_t *x, int32_t first_row,
                                          int32_t rows, int8_t *y)
{
    const int32_t channels = p->channels;
    mcuq_pool_dsp_window window = {
        .row_step = p->dilation_h * p->in_w * channels,
        .col_step = p->dilation_w * channels,
    };
    int32_t col = -p->pad_left;
    for (int32_t ox = 0; ox < p->out_w; ox++) {
        const mcuq_pool_dsp_taps cols = mcuq_pool_dsp_inside(col, p->in_w, p->kernel_w, p->dilation_w);
        const int32_t first_col = col + (cols.first * p->dilation_w);
        window.rows = (cols.count > 0) ? rows : 0;
        window.cols = cols.count;
        window.x = (window.rows > 0) ? &x[((first_row * p->in_w) + first_col) * channels] : x;
        mcuq_max_pool_s8_dsp_pixel(&window, channels, y);
        y = &y[channels];
        col += p->stride_w;
    }
}

/*
 * y = max over the window of x, codes of one scale
 *
 * Taps outside the image take no part. y may overlap x where nothing is read any more: pixel by pixel; and within a
 * pixel, a multiple of `channels` codes away, each channel is read before it is written, unless the last four are
 * computed again.
 */
MCUQ_CALLED void mcuq_max_pool_s8_dsp(const mcuq_max_pool_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    for (int32_t image = 0; image < p->n; image++) {
        for (int32_t oy = 0; oy < p->out_h; oy++) {
            const int32_t row = (oy * p->stride_h) - p->pad_top;
            const mcuq_pool_dsp_taps rows = mcuq_pool_dsp_inside(row, p->in_h, p->kernel_h, p->dilation_h);
            mcuq_max_pool_s8_dsp_row(p, x, row + (rows.first * p->dilation_h), rows.count, y);
            y = &y[p->out_w * p->channels];
        }
        x = &x[p->in_h * p->in_w * p->channels];
    }
}

#endif
