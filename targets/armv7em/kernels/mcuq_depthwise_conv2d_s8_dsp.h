/*
 * Depthwise convolution of any window, four channels at a time, int8, for cores with DSP instructions.
 */
#ifndef MCUQ_DEPTHWISE_CONV2D_S8_DSP_H
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_H

#include "mcuq_channel_dsp.h"
#include "mcuq_pool_dsp.h"

#define MCUQ_DEPTHWISE_MAX_TAPS 50

/*
 * Shapes: x [n][in_h][in_w][channels], y [n][out_h][out_w][channels]; at least 4 channels. The last four are channels
 * - 4 and up, some of them for the second time where their number is no multiple of 4.
 * packed: of each four 17 + taps words: where sums begin, where those of codes less the zero point do, the weights of a
 * tap in a word, then the form, a multiplier of each, an addend of each. The form is negative, with the scale in its
 * lowest byte, for mcuq_requantize_short, and sums begin with 0; otherwise it is the four right shifts of
 * mcuq_requantize_dsp, sums begin with the biases and the addends are its offsets. The input's zero point is folded in.
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

/* Where taps read, and, right behind, where their weights lie behind a four's first ones, in bytes. */
typedef struct {
    const int8_t *x[MCUQ_DEPTHWISE_MAX_TAPS];
    int32_t w[MCUQ_DEPTHWISE_MAX_TAPS];
} mcuq_depthwise_conv2d_s8_dsp_taps;

/*
 * The taps of a pixel that lie inside the image, up to x_end; its channels lie `first` to `end` codes further on.
 * packed: what channels need; weights: bytes of the weights of a four. is_cut: whether the window leaves the image.
 * Then weights lie where w says, and zero, the zero point in both halves, is subtracted from codes, so that taps
 * outside add nothing; otherwise all taps are there, in order, and zero is 0.
 */
typedef struct {
    const int8_t *const *x;
    const int8_t *const *x_end;
    int32_t first;
    int32_t end;
    const int32_t *packed;
    int32_t is_cut;
    uint32_t zero;
    int32_t weights;
    const int32_t *w;
} mcuq_depthwise_conv2d_s8_dsp_walk;

/* Words of four channels before their weights, and behind them. */
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_BEGIN 8
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_FORM 9

#if MCUQ_HAS_UNALIGNED

/* Codes in x and weights in w of a tap, as halves in r12 and lr, x and w; then products. */
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_HALVES(x, w)                                                            \
    "sxtb16 r12, " #x "\n sxtb16 lr, " #w "\n sxtb16 " #x ", " #x ", ror #8\n sxtb16 " #w ", " #w ", ror #8\n"
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_PRODUCTS(x, w)                                                          \
    "smlabb r4, r12, lr, r4\n smlatt r6, r12, lr, r6\n"                                                     \
    "smlabb r5, " #x ", " #w ", r5\n smlatt r7, " #x ", " #w ", r7\n"
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(x, w)                                                               \
    MCUQ_DEPTHWISE_CONV2D_S8_DSP_HALVES(x, w) MCUQ_DEPTHWISE_CONV2D_S8_DSP_PRODUCTS(x, w)

/* The same for codes less the zero points in r0. */
#define MCUQ_DEPTHWISE_CONV2D_S8_DSP_CENTRED(x, w)                                                           \
    MCUQ_DEPTHWISE_CONV2D_S8_DSP_HALVES(x, w)                                                                \
    "ssub16 r12, r12, r0\n ssub16 " #x ", " #x ", r0\n" MCUQ_DEPTHWISE_CONV2D_S8_DSP_PRODUCTS(x, w)

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
 * y = requantized sums of all channels of a pixel, limited to int8: 8 products in 29 cycles, 38 where the window is
 * cut, four codes in 60.
 *
 * r1 = packed, r2 = x, up to r0, r3 = first channel to end. The stack holds x, x_end, end, what lies so far before y as
 * first before the taps, where sums are computed, zero and weights; w lies 200 bytes behind x.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_dsp_fours(const mcuq_depthwise_conv2d_s8_dsp_walk *walk,
                                                                  int8_t *y)
{
    MCUQ_REGISTER(const mcuq_depthwise_conv2d_s8_dsp_walk *, r0, walk);
    MCUQ_REGISTER(int8_t *, r1, y);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r0, {r4-r11}\n mov r3, r6\n mov r6, r7\n sub r7, r1, r3\n mov r1, r8\n"
        "sub r0, r5, r4\n lsls.w r0, r0, #29\n adr.w r8, 2f+1\n it mi\n adrmi.w r8, 1f+1\n"
        "cmp.w r9, #0\n it ne\n adrne.w r8, 7f+1\n mov r9, r10\n mov r10, r11\n sub sp, sp, #28\n stm sp, {r4-r10}\n"
        "0:\n ldrd r2, r0, [sp]\n ldm r1!, {r4-r7}\n adds.n r1, r1, #16\n ldr.w pc, [sp, #16]\n"
        ".p2align 2\n"
        "1:\n ldr r8, [r2], #4\n ldr r9, [r1], #4\n ldr.w r8, [r8, r3]\n" MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(r8, r9)
        "cmp.n r2, r0\n beq.n 3f\n"
        ".p2align 2\n"
        "2:\n ldm.w r2!, {r8, r10}\n ldm.w r1!, {r9, r11}\n ldr.w r8, [r8, r3]\n ldr.w r10, [r10, r3]\n"
        MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(r8, r9) MCUQ_DEPTHWISE_CONV2D_S8_DSP_TAP(r10, r11)
        "cmp.n r2, r0\n bne.n 2b\n"
        "3:\n ldr r8, [r1], #4\n" MCUQ_DEPTHWISE_CONV2D_S8_DSP_CODES
        "5:\n add.n r0, r3\n ldr.n r2, [sp, #8]\n strb.n r4, [r0]\n strb.n r5, [r0, #1]\n strb.n r6, [r0, #2]\n"
        "strb.n r7, [r0, #3]\n adds.n r3, r3, #4\n subs.n r4, r2, #4\n cmp.n r3, r2\n bge.w 9f\n"
        "cmp.n r3, r4\n ble.w 0b\n mov.n r3, r4\n b.w 0b\n"
        ".p2align 2\n"
        "7:\n sub.w r9, r1, #16\n ldm.w r9, {r4-r7}\n cmp.n r2, r0\n beq.w 6f\n"
        "sub.w r9, r0, r2\n ldr.n r0, [sp, #20]\n lsls.w r9, r9, #29\n bpl.n 8f\n"
        "ldr.w r9, [r2, #200]\n ldr r8, [r2], #4\n ldr.w r8, [r8, r3]\n ldr.w r9, [r1, r9]\n"
        MCUQ_DEPTHWISE_CONV2D_S8_DSP_CENTRED(r8, r9) "ldr.w lr, [sp, #4]\n cmp.n r2, lr\n beq.w 6f\n"
        ".p2align 2\n"
        "8:\n ldr.w r9, [r2, #200]\n ldr.w r11, [r2, #204]\n ldm.w r2!, {r8, r10}\n"
        "ldr.w r8, [r8, r3]\n ldr.w r9, [r1, r9]\n ldr.w r10, [r10, r3]\n ldr.w r11, [r1, r11]\n"
        MCUQ_DEPTHWISE_CONV2D_S8_DSP_CENTRED(r8, r9) MCUQ_DEPTHWISE_CONV2D_S8_DSP_CENTRED(r10, r11)
        "ldr.w lr, [sp, #4]\n cmp.n r2, lr\n bne.w 8b\n"
        "6:\n ldr.w r8, [sp, #24]\n add.n r1, r8\n b.w 3b\n"
        "9:\n add sp, sp, #28\n pop {r4-r11, lr}\n"
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
    const int32_t *four = walk->packed;
    const int32_t channels = walk->end - walk->first;
    for (int32_t first = 0; first < channels; first += 4) {
        const int32_t c = (first < (channels - 4)) ? first : (channels - 4);
        const int32_t *const weights = &four[MCUQ_DEPTHWISE_CONV2D_S8_DSP_BEGIN];
        const int32_t count = (int32_t)(walk->x_end - walk->x);
        int32_t sums[4];
        (void)memcpy(sums, &four[(walk->is_cut != 0) ? 4 : 0], sizeof sums);
        for (int32_t i = 0; i < count; i++) {
            const uint32_t x = mcuq_load4(&walk->x[i][walk->first + c]);
            const uint32_t w = (uint32_t)weights[walk->w[i] / 4];
            const uint32_t even = mcuq_ssub16(mcuq_sxtb16(x), walk->zero);
            const uint32_t odd = mcuq_ssub16(mcuq_sxtb16_odd(x), walk->zero);
            sums[0] = mcuq_smlad(even & 0xFFFFU, mcuq_sxtb16(w), sums[0]);
            sums[1] = mcuq_smlad(odd & 0xFFFFU, mcuq_sxtb16_odd(w), sums[1]);
            sums[2] = mcuq_smlad(even & 0xFFFF0000U, mcuq_sxtb16(w), sums[2]);
            sums[3] = mcuq_smlad(odd & 0xFFFF0000U, mcuq_sxtb16_odd(w), sums[3]);
        }
        four = &weights[walk->weights / 4];
        mcuq_depthwise_conv2d_s8_dsp_codes(sums, four, &y[c]);
        four = &four[MCUQ_DEPTHWISE_CONV2D_S8_DSP_FORM];
    }
}

#endif

/* Odd channels of a pixel. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_depthwise_conv2d_s8_dsp_odd(const mcuq_depthwise_conv2d_s8_dsp_walk *walk,
                                                                const int32_t *odd, int8_t *y)
{
    const int32_t channels = walk->end - walk->first;
    const int32_t zero = (int16_t)(uint16_t)walk->zero;
    const int32_t count = (int32_t)(walk->x_end - walk->x);
    const int32_t words = MCUQ_DEPTHWISE_CONV2D_S8_DSP_BEGIN + (walk->weights / 4) + MCUQ_DEPTHWISE_CONV2D_S8_DSP_FORM;
    for (; odd[0] < channels; odd = &odd[MCUQ_CHANNEL_DSP_ODD]) {
        const int32_t number = odd[0] / 4;
        const int32_t last = channels - 4;
        const int32_t c = odd[0] - (((4 * number) < last) ? (4 * number) : last);
        const int32_t *const four = &walk->packed[words * number];
        /* The bias lies in odd: what sums begin with tells what centred ones lack. */
        int32_t sum = (walk->is_cut != 0) ? (four[4 + c] - four[c]) : 0;
        for (int32_t i = 0; i < count; i++) {
            const uint32_t w = (uint32_t)four[MCUQ_DEPTHWISE_CONV2D_S8_DSP_BEGIN + (walk->w[i] / 4)];
            sum += (walk->x[i][walk->first + odd[0]] - zero) * (int8_t)(uint8_t)(w >> (8 * c));
        }
        y[odd[0]] = mcuq_channel_dsp_odd(odd, sum);
    }
}

/* Finds the taps of a window in `rows` and `cols`; x: the first of them. Returns their number. */
MCUQ_KERNEL int32_t mcuq_depthwise_conv2d_s8_dsp_find(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                                      mcuq_pool_dsp_taps rows, mcuq_pool_dsp_taps cols,
                                                      mcuq_depthwise_conv2d_s8_dsp_taps *taps)
{
    /* Copies: a store of a tap could change what p points to, for all the compiler knows. */
    const int32_t kernel_w = p->kernel_w;
    const int32_t step = p->dilation_w * p->channels;
    const int32_t row_step = p->dilation_h * p->in_w * p->channels;
    int32_t count = 0;
    int32_t row = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t at = row;
        int32_t w = 4 * (((rows.first + i) * kernel_w) + cols.first);
        for (int32_t j = cols.count; j > 0; j--) {
            taps->x[count] = &x[at];
            taps->w[count] = w;
            count++;
            at += step;
            w += 4;
        }
        row += row_step;
    }
    return count;
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

/*
 * How to walk over the pixel whose window begins at (row, col), of which `rows` and `cols` lie inside. Windows that lie
 * inside as a whole share the taps of the first place in x; is_known: whether these are in taps.
 */
MCUQ_KERNEL int32_t mcuq_depthwise_conv2d_s8_dsp_place(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                                       int32_t row, int32_t col, mcuq_pool_dsp_taps rows,
                                                       int32_t is_known, mcuq_depthwise_conv2d_s8_dsp_taps *taps,
                                                       mcuq_depthwise_conv2d_s8_dsp_walk *walk)
{
    const mcuq_pool_dsp_taps cols = mcuq_pool_dsp_inside(col, p->in_w, p->kernel_w, p->dilation_w);
    const int32_t is_inside = (rows.count == p->kernel_h) && (cols.count == p->kernel_w);
    if (is_inside != 0) {
        if (is_known == 0) {
            walk->x_end = &taps->x[mcuq_depthwise_conv2d_s8_dsp_find(p, x, rows, cols, taps)];
        }
        walk->first = ((row * p->in_w) + col) * p->channels;
        walk->zero = 0;
    } else {
        const int32_t is_empty = (rows.count == 0) || (cols.count == 0);
        const int32_t first_row = row + (rows.first * p->dilation_h);
        const int32_t first_col = col + (cols.first * p->dilation_w);
        const int32_t at = (is_empty != 0) ? 0 : (((first_row * p->in_w) + first_col) * p->channels);
        walk->x_end = &taps->x[mcuq_depthwise_conv2d_s8_dsp_find(p, &x[at], rows, cols, taps)];
        walk->first = 0;
        walk->zero = mcuq_pack_low((uint32_t)p->x_zero_point, (uint32_t)p->x_zero_point);
    }
    walk->is_cut = 1 - is_inside;
    walk->end = walk->first + p->channels;
    return is_inside;
}

/* All pixels of an image. */
MCUQ_KERNEL void mcuq_depthwise_conv2d_s8_dsp_image(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x,
                                                    mcuq_depthwise_conv2d_s8_dsp_taps *taps,
                                                    mcuq_depthwise_conv2d_s8_dsp_walk *walk, int8_t *y)
{
    int32_t is_known = 0;
    int32_t row = -p->pad_top;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        const mcuq_pool_dsp_taps rows = mcuq_pool_dsp_inside(row, p->in_h, p->kernel_h, p->dilation_h);
        int32_t col = -p->pad_left;
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            is_known = mcuq_depthwise_conv2d_s8_dsp_place(p, x, row, col, rows, is_known, taps, walk);
            mcuq_depthwise_conv2d_s8_dsp_fours(walk, y);
            mcuq_depthwise_conv2d_s8_dsp_rest(p, walk, y);
            y = &y[p->channels];
            col += p->stride_w;
        }
        row += p->stride_h;
    }
}

/*
 * y = clamp(requantize(bias + sum x * w) + y_zero_point, lo, hi), where the bias holds -x_zero_point * sum w and
 * taps outside the image are x_zero_point.
 *
 * y may overlap x where nothing is read any more: a pixel is written after all that is read before it, and while it is
 * read itself; without odd channels and with a multiple of 4, a multiple of `channels` codes away, of each pixel four
 * channels are read before these channels are written.
 */
MCUQ_CALLED void mcuq_depthwise_conv2d_s8_dsp(const mcuq_depthwise_conv2d_s8_dsp_params *p, const int8_t *x, int8_t *y)
{
    mcuq_depthwise_conv2d_s8_dsp_taps taps;
    mcuq_depthwise_conv2d_s8_dsp_walk walk = {
        .x = taps.x,
        .packed = p->packed,
        .weights = 4 * p->kernel_h * p->kernel_w,
        .w = taps.w,
    };
    for (int32_t image = 0; image < p->n; image++) {
        mcuq_depthwise_conv2d_s8_dsp_image(p, x, &taps, &walk, y);
        x = &x[p->in_h * p->in_w * p->channels];
        y = &y[p->out_h * p->out_w * p->channels];
    }
}

#endif
