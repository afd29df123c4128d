/*
 * Depthwise convolution of any window, four channels at a time, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_DSP_H
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_H

#include "mcuq_channel_dsp.h"

#define MCUQ_DEPTHWISE_MAX_TAPS 50

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; at least 4 channels. The last four are channels
 * - 4 and up, some of them for the second time where their number is no multiple of 4.
 * packed: of each four 13 + taps words: where sums begin, the weights of a tap in a word, then the form, a multiplier
 * of each, an addend of each. The form is negative, with the scale in its lowest byte, for mcuq_requantize_short, and
 * sums begin with 0; otherwise it is the four right shifts of mcuq_requantize_dsp, sums begin with the biases and the
 * addends are its offsets. The input's zero point is folded in.
 * odd: channels for which neither form is exact, as mcuq_channel_dsp_odd has them.
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
    int32_t dilation_h;
    int32_t dilation_w;
    int32_t pad_top;
    int32_t pad_left;
    int32_t x_zero_point;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
    const int32_t *packed;
    const int32_t *odd;
} mcuq_depthwise_conv2d_s8_dsp_params;

/*
 * Where the taps of a pixel read, up to taps_end; its channels lie `first` to `end` codes further on. packed: what its
 * channels need.
 */
typedef struct {
    const int8_t **taps;
    const int8_t *const *taps_end;
    int32_t first;
    int32_t end;
    const int32_t *packed;
} mcuq_depthwise_conv2d_s8_dsp_walk;

/* Words of four channels beside one of each tap. */
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_WORDS 13

#if MCUQ_HAS_UNALIGNED

/* Codes in x and weights in w of a tap; r12 and lr are used. */
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(x, w)                                                               \
    "sxtb16 r12, " #x "\n sxtb16 lr, " #w "\n sxtb16 " #x ", " #x ", ror #8\n sxtb16 " #w ", " #w ", ror #8\n" \
    "smlabb r4, r12, lr, r4\n smlatt r6, r12, lr, r6\n"                                                     \
    "smlabb r5, " #x ", " #w ", r5\n smlatt r7, " #x ", " #w ", r7\n"

/* Four sums to codes; r8 = form. The long form doubles sums and sends ties away from zero. */
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_CODES                                                                   \
    "cmp.w r8, #0\n bmi.n 4f\n ldm r1!, {r0, r2, r8-r12, lr}\n"                                             \
    "add.w r10, r10, r4, asr #31\n add.w r11, r11, r5, asr #31\n"                                           \
    "add.w r12, r12, r6, asr #31\n add.w lr, lr, r7, asr #31\n"                                             \
    "lsls.n r4, r4, #1\n lsls.n r5, r5, #1\n lsls.n r6, r6, #1\n lsls.n r7, r7, #1\n"                             \
    "smmlar r4, r4, r0, r10\n smmlar r5, r5, r2, r11\n smmlar r6, r6, r8, r12\n smmlar r7, r7, r9, lr\n"      \
    "ldr r8, [r1, #-36]\n ldr.n r0, [sp, #12]\n"                                                          \
    "asr.w r4, r4, r8\n lsr.w r8, r8, #8\n asr.w r5, r5, r8\n lsr.w r8, r8, #8\n asr.w r6, r6, r8\n"          \
    "lsr.w r8, r8, #8\n asr.w r7, r7, r8\n"                                                                 \
    ".irp s, r4, r5, r6, r7\n ssat \\s, #8, \\s\n .endr\n b.n 5f\n"                                           \
    "4:\n lsl.w r4, r4, r8\n lsl.w r5, r5, r8\n lsl.w r6, r6, r8\n lsl.w r7, r7, r8\n"                        \
    "ldm r1!, {r0, r2, r8-r12, lr}\n"                                                                       \
    "smmlar r4, r4, r0, r10\n smmlar r5, r5, r2, r11\n smmlar r6, r6, r8, r12\n smmlar r7, r7, r9, lr\n"      \
    "ldr.n r0, [sp, #12]\n"                                                                                 \
    ".irp s, r4, r5, r6, r7\n ssat \\s, #8, \\s, asr #17\n .endr\n"

/*
 * y = requantized sums of all channels of a pixel, limited to int8: 8 products in 29 cycles, four codes in 60.
 *
 * r1 = packed, r2 = taps, up to r0, r3 = first channel to end. The stack holds taps, taps_end, end and what lies so far
 * before y as first before the taps.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_dsp_fours(const mcuq_depthwise_conv2d_s8_dsp_walk *walk,
                                                                  int8_t *y)
{
    MCUQ_REGISTER(const mcuq_depthwise_conv2d_s8_dsp_walk *, r0, walk);
    MCUQ_REGISTER(int8_t *, r1, y);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r0, {r4-r8}\n mov r3, r6\n mov r6, r7\n sub r7, r1, r3\n mov r1, r8\n"
        "sub sp, sp, #16\n stm sp, {r4-r7}\n"
        ".p2align 2\n"
        "1:\n ldrd r2, r0, [sp]\n ldm r1!, {r4-r7}\n sub.w r8, r0, r2\n lsls.w r8, r8, #29\n bpl.n 2f\n"
        "ldr r8, [r2], #4\n ldr r10, [r1], #4\n ldr.w r8, [r8, r3]\n" MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(r8, r10)
        "cmp.n r2, r0\n beq.n 3f\n"
        ".p2align 2\n"
        "2:\n ldm.w r2!, {r8, r9}\n ldm.w r1!, {r10, r11}\n ldr.w r8, [r8, r3]\n ldr.w r9, [r9, r3]\n"
        MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(r8, r10) MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(r9, r11)
        "cmp.n r2, r0\n bne.n 2b\n"
        "3:\n ldr r8, [r1], #4\n" MCUQ_DEPTHWISE_CONV2D_S8_DSP_CODES
        "5:\n add.n r0, r3\n ldr.n r2, [sp, #8]\n strb.n r4, [r0]\n strb.n r5, [r0, #1]\n strb.n r6, [r0, #2]\n"
        "strb.n r7, [r0, #3]\n adds.n r3, r3, #4\n subs.n r4, r2, #4\n cmp.n r3, r2\n bge.n 6f\n"
        "cmp.n r3, r4\n ble.w 1b\n mov.n r3, r4\n b.w 1b\n"
        "6:\n add sp, sp, #16\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1)
        :
        : "r2", "r3", "r12", "cc", "memory");
}

#else

/* Codes of four channels from their sums; from: their form and what follows it. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_codes(const int32_t *sums, const int32_t *from, int8_t *y)
{
    for (int32_t i = 0; i < 4; i++) {
        const int32_t multiplier = from[1 + i];
        const int32_t addend = from[5 + i];
        const int32_t low = (int32_t)((uint32_t)from[0] & 0xFFU);
        const int32_t right = (int32_t)(((uint32_t)from[0] >> (8 * i)) & 0xFFU);
        y[i] = (int8_t)((from[0] < 0) ? mcuq_requantize_short(sums[i], low, multiplier, addend)
                                      : mcuq_requantize_dsp(sums[i], multiplier, right, addend));
    }
}

MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_fours(const mcuq_depthwise_conv2d_s8_dsp_walk *walk, int8_t *y)
{
    const int32_t *from = walk->packed;
    const int32_t channels = walk->end - walk->first;
    for (int32_t first = 0; first < channels; first += 4) {
        const int32_t c = (first < (channels - 4)) ? first : (channels - 4);
        int32_t sums[4] = {from[0], from[1], from[2], from[3]};
        from = &from[4];
        for (const int8_t *const *tap = (const int8_t *const *)walk->taps; tap != walk->taps_end; tap = &tap[1]) {
            const uint32_t x = mcuq_load4(&(*tap)[walk->first + c]);
            const uint32_t w = (uint32_t)*from;
            const uint32_t even = mcuq_sxtb16(x);
            const uint32_t odd = mcuq_sxtb16_odd(x);
            sums[0] = mcuq_smlad(even & 0xFFFFU, mcuq_sxtb16(w), sums[0]);
            sums[1] = mcuq_smlad(odd & 0xFFFFU, mcuq_sxtb16_odd(w), sums[1]);
            sums[2] = mcuq_smlad(even & 0xFFFF0000U, mcuq_sxtb16(w), sums[2]);
            sums[3] = mcuq_smlad(odd & 0xFFFF0000U, mcuq_sxtb16_odd(w), sums[3]);
            from = &from[1];
        }
        mcuq_depthwise_conv2d_s8_dsp_codes(sums, from, &y[c]);
        from = &from[9];
    }
}

#endif

/* Odd channels of a pixel. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_dsp_odd(const mcuq_depthwise_conv2d_s8_dsp_walk *walk,
                                                                const int32_t *odd, int8_t *y)
{
    const int32_t taps = (int32_t)(walk->taps_end - walk->taps);
    const int32_t channels = walk->end - walk->first;
    for (; odd[0] < channels; odd = &odd[MCUQ_CHANNEL_DSP_ODD]) {
        const int32_t four = odd[0] / 4;
        const int32_t last = channels - 4;
        const int32_t c = odd[0] - (((4 * four) < last) ? (4 * four) : last);
        const int32_t *from = &walk->packed[((MCUQ_DEPTHWISE_CONV2D_S8_DSP_WORDS + taps) * four) + 4];
        int32_t sum = 0;
        for (int32_t t = 0; t < taps; t++) {
            sum += walk->taps[t][walk->first + odd[0]] * (int8_t)(uint8_t)((uint32_t)from[t] >> (8 * c));
        }
        y[odd[0]] = mcuq_channel_dsp_odd(odd, sum);
    }
}

/* Where the taps of a window read: in the image, or a line of zero points outside. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_taps(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                                   const int8_t *outside, int32_t first_row, int32_t first_col,
                                                   const int8_t **taps)
{
    /* Copies: a store of an address could change what p points to, for all the compiler knows. */
    const int32_t kernel_w = p->kernel_w;
    const int32_t in_w = p->in_w;
    const int32_t step = p->dilation_w;
    const int32_t channels = p->channels;
    int32_t row = first_row;
    for (int32_t i = p->kernel_h; i > 0; i--) {
        const int32_t is_row = (row >= 0) && (row < p->in_h);
        const int8_t *const line = (is_row != 0) ? &x[row * in_w * channels] : outside;
        int32_t col = first_col;
        for (int32_t j = 0; j < kernel_w; j++) {
            const int32_t is_inside = (is_row != 0) && (col >= 0) && (col < in_w);
            taps[j] = (is_inside != 0) ? &line[col * channels] : outside;
            col += step;
        }
        taps = &taps[kernel_w];
        row += p->dilation_h;
    }
}

/* What the fours of a pixel leave over: odd channels and limits. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_rest(const mcuq_depthwise_conv2d_s8_dsp_params *p,
                                                   const mcuq_depthwise_conv2d_s8_dsp_walk *walk, int8_t *y)
{
    const int32_t channels = p->channels;
    if (p->odd[0] < channels) {
        mcuq_depthwise_conv2d_s8_dsp_odd(walk, p->odd, y);
    }
    if ((p->lo != -128) || (p->hi != 127)) {
        for (int32_t c = 0; c < channels; c++) {
            y[c] = mcuq_clamp(y[c], p->lo, p->hi);
        }
    }
}

/* All pixels of an image. As long as windows lie inside, the taps of the first place serve them all. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_image(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                                    const int8_t *outside, mcuq_depthwise_conv2d_s8_dsp_walk *walk,
                                                    int8_t *y)
{
    const int32_t channels = p->channels;
    const int32_t last_row = p->in_h - 1 - ((p->kernel_h - 1) * p->dilation_h);
    const int32_t last_col = p->in_w - 1 - ((p->kernel_w - 1) * p->dilation_w);
    int32_t is_known = 0;
    int32_t row = -p->pad_top;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t col = -p->pad_left;
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            const int32_t is_inside = (row >= 0) && (row <= last_row) && (col >= 0) && (col <= last_col);
            if ((is_inside == 0) || (is_known == 0)) {
                mcuq_depthwise_conv2d_s8_dsp_taps(p, x, outside, (is_inside != 0) ? 0 : row,
                                                  (is_inside != 0) ? 0 : col, walk->taps);
            }
            is_known = is_inside;
            walk->first = (is_inside != 0) ? (((row * p->in_w) + col) * channels) : 0;
            walk->end = walk->first + channels;
            mcuq_depthwise_conv2d_s8_dsp_fours(walk, y);
            mcuq_depthwise_conv2d_s8_dsp_rest(p, walk, y);
            y = &y[channels];
            col += p->stride_w;
        }
        row += p->stride_h;
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point.
 *
 * scratch: `channels` bytes; it overlaps nothing. y may overlap x where nothing is read any more: a pixel is written
 * after all that is read before it, and while it is read itself; without odd channels and with a multiple of 4, a
 * multiple of `channels` codes away, of each pixel four channels are read before these channels are written.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_dsp(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                              int8_t *y, int8_t *scratch)
{
    const int8_t *taps[MCUQ_DEPTHWISE_MAX_TAPS];
    mcuq_depthwise_conv2d_s8_dsp_walk walk = {taps, &taps[p->kernel_h * p->kernel_w], 0, 0, p->packed};
    (void)memset(scratch, p->x_zero_point, (size_t)p->channels);
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_depthwise_conv2d_s8_dsp_image(p, x, scratch, &walk, y);
        x = &x[p->in_h * p->in_w * p->channels];
        y = &y[p->out_h * p->out_w * p->channels];
    }
}

#endif
