/*
 * The inner product of 2 output channels and 4 pixels.
 */
#ifndef MCUQ_GEMM_2X4_H
#define MCUQ_GEMM_2X4_H

#include "mcuq_dsp.h"

/*
 * One channel's requantization. right: 1 to 23; offset: that of mcuq_offset_dsp.
 */
typedef struct {
    int32_t bias;
    int32_t multiplier;
    int32_t right;
    int32_t offset;
} mcuq_gemm_channel;

/*
 * x_main: end of the part of x that is walked 8 words of weights at a time; x_end: end of the rest, 2 at a time.
 * y: channel 0 of pixel 0; channel 1 lies behind it, the next pixel `stride` codes on.
 */
typedef struct {
    mcuq_gemm_channel channels[2];
    const mcuq_word *x_main;
    const mcuq_word *x_end;
    int8_t *y;
    int32_t stride;
} mcuq_gemm_block;

#if MCUQ_HAS_DSP

/* The word of the weights \at bytes on and its four words of x: 16 products in 17 cycles. */
#define MCUQ_GEMM_STEP                                                                                     \
    "ldr r12, [r1, #\\at]\n ldr r2, [r0, #4*\\at]\n ldr r3, [r0, #4*\\at + 4]\n"                            \
    "sxtb16 lr, r12\n sxtb16 r12, r12, ror #8\n"                                                            \
    "smlad r4, lr, r2, r4\n smlad r5, lr, r3, r5\n smlad r8, r12, r2, r8\n smlad r9, r12, r3, r9\n"          \
    "ldr r2, [r0, #4*\\at + 8]\n ldr r3, [r0, #4*\\at + 12]\n"                                               \
    "smlad r6, lr, r2, r6\n smlad r7, lr, r3, r7\n smlad r10, r12, r2, r10\n smlad r11, r12, r3, r11\n"

/* The four sums of a channel in registers, requantized and limited to int8; its parameters from [r0, #p]. */
#define MCUQ_GEMM_FINISH(a, b, c, d, multiplier, right, offset)                                            \
    "ldr r12, [r0, #" #multiplier "]\n ldr lr, [r0, #" #right "]\n ldr r1, [r0, #" #offset "]\n"            \
    "lsl " #a ", " #a ", #1\n lsl " #b ", " #b ", #1\n lsl " #c ", " #c ", #1\n lsl " #d ", " #d ", #1\n"   \
    "smmulr " #a ", " #a ", r12\n smmulr " #b ", " #b ", r12\n"                                             \
    "smmulr " #c ", " #c ", r12\n smmulr " #d ", " #d ", r12\n"                                             \
    "add " #a ", " #a ", " #a ", asr #31\n add " #b ", " #b ", " #b ", asr #31\n"                           \
    "add " #c ", " #c ", " #c ", asr #31\n add " #d ", " #d ", " #d ", asr #31\n"                           \
    "add " #a ", " #a ", r1\n add " #b ", " #b ", r1\n add " #c ", " #c ", r1\n add " #d ", " #d ", r1\n"    \
    "asr " #a ", " #a ", lr\n asr " #b ", " #b ", lr\n asr " #c ", " #c ", lr\n asr " #d ", " #d ", lr\n"    \
    "ssat " #a ", #8, " #a "\n ssat " #b ", #8, " #b "\n ssat " #c ", #8, " #c "\n ssat " #d ", #8, " #d "\n"

/* y[pixel * stride + channel] = requantized sum, limited to int8: 2 channels of 4 pixels. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_2x4(const mcuq_word *x, const int8_t *w, const mcuq_gemm_block *block)
{
    MCUQ_REGISTER(const mcuq_word *, r0, x);
    MCUQ_REGISTER(const int8_t *, r1, w);
    MCUQ_REGISTER(const mcuq_gemm_block *, r2, block);
    __asm__ volatile(
        "push {r4-r11, lr}\n sub sp, sp, #12\n"
        "ldr r3, [r2, #32]\n ldr r12, [r2, #36]\n ldr r4, [r2, #0]\n ldr r8, [r2, #16]\n"
        "str r3, [sp, #0]\n str r12, [sp, #4]\n str r2, [sp, #8]\n"
        "mov r5, r4\n mov r6, r4\n mov r7, r4\n mov r9, r8\n mov r10, r8\n mov r11, r8\n"
        "cmp r0, r3\n beq 2f\n"
        ".p2align 2\n"
        "1:\n .irp at, 0, 4, 8, 12, 16, 20, 24, 28\n" MCUQ_GEMM_STEP ".endr\n"
        "ldr lr, [sp, #0]\n add r0, r0, #128\n add r1, r1, #32\n cmp r0, lr\n bne 1b\n"
        "2:\n ldr lr, [sp, #4]\n cmp r0, lr\n beq 4f\n"
        "3:\n .irp at, 0, 4\n" MCUQ_GEMM_STEP ".endr\n"
        "ldr lr, [sp, #4]\n add r0, r0, #32\n add r1, r1, #8\n cmp r0, lr\n bne 3b\n"
        "4:\n"
        "ldr r0, [sp, #8]\n ldr r3, [r0, #40]\n ldr r2, [r0, #44]\n"
        MCUQ_GEMM_FINISH(r4, r5, r6, r7, 4, 8, 12)
        MCUQ_GEMM_FINISH(r8, r9, r10, r11, 20, 24, 28)
        "strb r4, [r3, #0]\n strb r8, [r3, #1]\n add r3, r3, r2\n"
        "strb r5, [r3, #0]\n strb r9, [r3, #1]\n add r3, r3, r2\n"
        "strb r6, [r3, #0]\n strb r10, [r3, #1]\n add r3, r3, r2\n"
        "strb r7, [r3, #0]\n strb r11, [r3, #1]\n"
        "add sp, sp, #12\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_2x4(const mcuq_word *x, const int8_t *w, const mcuq_gemm_block *block)
{
    int32_t sums[2][4];
    for (int32_t pixel = 0; pixel < 4; pixel++) {
        sums[0][pixel] = block->channels[0].bias;
        sums[1][pixel] = block->channels[1].bias;
    }
    while (x != block->x_end) {
        const uint32_t word = mcuq_load4(w);
        for (int32_t pixel = 0; pixel < 4; pixel++) {
            sums[0][pixel] = mcuq_smlad(mcuq_sxtb16(word), x[pixel], sums[0][pixel]);
            sums[1][pixel] = mcuq_smlad(mcuq_sxtb16_odd(word), x[pixel], sums[1][pixel]);
        }
        x = &x[4];
        w = &w[4];
    }
    for (int32_t channel = 0; channel < 2; channel++) {
        const mcuq_gemm_channel *const q = &block->channels[channel];
        for (int32_t pixel = 0; pixel < 4; pixel++) {
            const int32_t code = mcuq_requantize_dsp(sums[channel][pixel], q->multiplier, q->right, q->offset);
            block->y[(pixel * block->stride) + channel] = (int8_t)code;
        }
    }
}

#endif

/*
 * Codes as pairs of halves, (x[0], x[2]) and (x[1], x[3]), every fourth word of `to`: room for four pixels side
 * by side. count is a multiple of 4.
 */
MCUQ_KERNEL void mcuq_gemm_2x4_expand(mcuq_word *to, const int8_t *from, int32_t count)
{
    int32_t i = 0;
    for (; (i + 16) <= count; i += 16) {
        const uint32_t a = mcuq_load4(&from[i]);
        const uint32_t b = mcuq_load4(&from[i + 4]);
        const uint32_t c = mcuq_load4(&from[i + 8]);
        const uint32_t d = mcuq_load4(&from[i + 12]);
        mcuq_word *const words = &to[2 * i];
        words[0] = mcuq_sxtb16(a);
        words[4] = mcuq_sxtb16_odd(a);
        words[8] = mcuq_sxtb16(b);
        words[12] = mcuq_sxtb16_odd(b);
        words[16] = mcuq_sxtb16(c);
        words[20] = mcuq_sxtb16_odd(c);
        words[24] = mcuq_sxtb16(d);
        words[28] = mcuq_sxtb16_odd(d);
    }
    for (; i < count; i += 4) {
        const uint32_t a = mcuq_load4(&from[i]);
        to[2 * i] = mcuq_sxtb16(a);
        to[(2 * i) + 4] = mcuq_sxtb16_odd(a);
    }
}

#endif
