/*
 * Codes of a pixel's window as mcuq_gemm_4x2 reads them: in pairs, in every second word.
 */
#ifndef MCUQ_GEMM_4X2_X_H
#define MCUQ_GEMM_4X2_X_H

#include "mcuq_dsp.h"

/*
 * `rows` rows, at least 1, of `count` codes, at least 1, that lie `skip` bytes apart.
 */
typedef struct {
    int32_t count;
    int32_t skip;
    int32_t rows;
} mcuq_gemm_4x2_x_rows;

#if MCUQ_HAS_UNALIGNED

/*
 * r0 = to, r1 = from, r2 = rows. Pairs of halves (x[0], x[2]) and (x[1], x[3]) into every second word of `to`: 27
 * cycles for 16 codes. Rows are multiples of 4 long.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_x_expand(mcuq_word *to, const int8_t *from,
                                                      const mcuq_gemm_4x2_x_rows *rows)
{
    MCUQ_REGISTER(mcuq_word *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, from);
    MCUQ_REGISTER(const mcuq_gemm_4x2_x_rows *, r2, rows);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r2, {r3-r5}\n"
        "1:\n lsrs r6, r3, #4\n beq 3f\n"
        ".p2align 2\n"
        "2:\n ldr.w r7, [r1]\n ldr r8, [r1, #4]\n ldr r9, [r1, #8]\n ldr r10, [r1, #12]\n add r1, r1, #16\n"
        "sxtb16 r2, r7\n sxtb16 r7, r7, ror #8\n sxtb16 r11, r8\n sxtb16 r8, r8, ror #8\n"
        "sxtb16 r12, r9\n sxtb16 r9, r9, ror #8\n sxtb16 lr, r10\n sxtb16 r10, r10, ror #8\n"
        "str.n r2, [r0]\n str.n r7, [r0, #8]\n str r11, [r0, #16]\n str r8, [r0, #24]\n"
        "str r12, [r0, #32]\n str r9, [r0, #40]\n str lr, [r0, #48]\n str r10, [r0, #56]\n"
        "add r0, r0, #64\n subs r6, r6, #1\n bne 2b\n"
        "3:\n tst r3, #8\n beq 4f\n"
        "ldr r7, [r1]\n ldr r8, [r1, #4]\n add r1, r1, #8\n"
        "sxtb16 r2, r7\n sxtb16 r7, r7, ror #8\n sxtb16 r11, r8\n sxtb16 r8, r8, ror #8\n"
        "str.n r2, [r0]\n str.n r7, [r0, #8]\n str r11, [r0, #16]\n str r8, [r0, #24]\n add r0, r0, #32\n"
        "4:\n tst r3, #4\n beq 5f\n"
        "ldr r7, [r1]\n add r1, r1, #4\n sxtb16 r2, r7\n sxtb16 r7, r7, ror #8\n"
        "str r2, [r0]\n str r7, [r0, #8]\n add r0, r0, #16\n"
        "5:\n add r1, r1, r4\n subs r5, r5, #1\n bne 1b\n"
        "pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/*
 * r0 = to, r1 = from, r2 = rows. Rows of any length next to each other, in pieces of 16 codes: up to 15 codes behind a
 * row are read, and written before the next row.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_x_gather(int8_t *to, const int8_t *from,
                                                      const mcuq_gemm_4x2_x_rows *rows)
{
    MCUQ_REGISTER(int8_t *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, from);
    MCUQ_REGISTER(const mcuq_gemm_4x2_x_rows *, r2, rows);
    __asm__ volatile(
        "push {r4-r9, lr}\n ldm r2, {r3-r5}\n add r4, r4, r3\n"
        "1:\n mov r2, #0\n"
        "2:\n add r12, r1, r2\n add lr, r0, r2\n add r2, r2, #16\n"
        "ldr r6, [r12]\n ldr r7, [r12, #4]\n ldr r8, [r12, #8]\n ldr r9, [r12, #12]\n"
        "str r6, [lr]\n str r7, [lr, #4]\n str r8, [lr, #8]\n str r9, [lr, #12]\n"
        "cmp r2, r3\n blt 2b\n"
        "add r0, r0, r3\n add r1, r1, r4\n subs r5, r5, #1\n bne 1b\n"
        "pop {r4-r9, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_gemm_4x2_x_gather(int8_t *to, const int8_t *from, const mcuq_gemm_4x2_x_rows *rows)
{
    for (int32_t row = 0; row < rows->rows; row++) {
        from = (row > 0) ? &from[rows->skip + rows->count] : from;
        (void)memcpy(&to[row * rows->count], from, (size_t)((rows->count + 15) & ~15));
    }
}

MCUQ_KERNEL void mcuq_gemm_4x2_x_expand(mcuq_word *to, const int8_t *from, const mcuq_gemm_4x2_x_rows *rows)
{
    for (int32_t row = 0; row < rows->rows; row++) {
        from = (row > 0) ? &from[rows->skip + rows->count] : from;
        for (int32_t i = 0; i < rows->count; i += 4) {
            const uint32_t word = mcuq_load4(&from[i]);
            to[0] = mcuq_sxtb16(word);
            to[2] = mcuq_sxtb16_odd(word);
            to = &to[4];
        }
    }
}

#endif

/* `count` times a code, a multiple of 4, into every second word; returns what follows. */
MCUQ_KERNEL mcuq_word *mcuq_gemm_4x2_x_fill(mcuq_word *to, int32_t code, int32_t count)
{
    const uint32_t half = (uint32_t)code & 0xFFFFU;
    const uint32_t word = half | (half << 16);
    for (int32_t i = 0; i < count; i += 4) {
        to[0] = word;
        to[2] = word;
        to = &to[4];
    }
    return to;
}

#endif
