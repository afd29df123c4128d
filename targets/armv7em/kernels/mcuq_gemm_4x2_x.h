/*
 * Codes of a pixel's window as mcuq_gemm_4x2 reads them: in pairs, in every second word.
 */
#ifndef MCUQ_GEMM_4X2_X_H
#define MCUQ_GEMM_4X2_X_H

#include "mcuq_dsp.h"

/*
 * `rows` rows, at least 1, of `count` codes, at least 1, that lie `skip` bytes apart.
 * step: bytes from a pixel's rows to those of the next, which is expanded as well, 0 where there is none.
 * line: NULL where rows are multiples of 4 long; else room for `wide` codes, a multiple of 4, and 16 more: rows of any
 * length are first put next to each other there, in pieces of 16 codes, so that up to 15 codes behind a row are read.
 */
typedef struct {
    int32_t count;
    int32_t skip;
    int32_t rows;
    int32_t step;
    int8_t *line;
    int32_t wide;
} mcuq_gemm_4x2_x_rows;

#if MCUQ_HAS_UNALIGNED

/* Rows of r3 codes, r4 bytes apart, r5 of them, from r1 into the line r7; then r1, r3 and r5 say where they lie now. */
#define MCUQ_GEMM_4X2_X_GATHER                                                                             \
    "add r4, r4, r3\n mov r0, r7\n"                                                                        \
    "7:\n ldr r6, [r1]\n ldr r9, [r1, #4]\n ldr r10, [r1, #8]\n ldr r11, [r1, #12]\n"                       \
    "str r6, [r0]\n str r9, [r0, #4]\n str r10, [r0, #8]\n str r11, [r0, #12]\n mov r2, #16\n"               \
    "8:\n cmp r2, r3\n bge 9f\n add r12, r1, r2\n add lr, r0, r2\n add r2, r2, #16\n"                         \
    "ldr r6, [r12]\n ldr r9, [r12, #4]\n ldr r10, [r12, #8]\n ldr r11, [r12, #12]\n"                         \
    "str r6, [lr]\n str r9, [lr, #4]\n str r10, [lr, #8]\n str r11, [lr, #12]\n b 8b\n"                       \
    "9:\n add r0, r0, r3\n add r1, r1, r4\n subs r5, r5, #1\n bne 7b\n"                                     \
    "ldr r0, [sp, #0]\n mov r1, r7\n mov r3, r8\n mov r5, #1\n"

/*
 * Pairs of halves (x[0], x[2]) and (x[1], x[3]) into every second word of `to`, of the next pixel into those between:
 * 27 cycles for 16 codes. r0 = to, r1 = from, r2 = rows. The stack holds, by offset: 0 to, 4 from, 8 rows, 12 step.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_gemm_4x2_x_expand(mcuq_word *to, const int8_t *from,
                                                      const mcuq_gemm_4x2_x_rows *rows)
{
    MCUQ_REGISTER(mcuq_word *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, from);
    MCUQ_REGISTER(const mcuq_gemm_4x2_x_rows *, r2, rows);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r2, {r3-r8}\n push {r0-r2, r6}\n"
        "6:\n cmp r7, #0\n beq 1f\n" MCUQ_GEMM_4X2_X_GATHER
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
        "ldr r9, [sp, #12]\n cmp r9, #0\n beq 10f\n"
        "ldm sp, {r0-r2}\n mov r10, #0\n add r0, r0, #4\n add r1, r1, r9\n str r10, [sp, #12]\n str r0, [sp, #0]\n"
        "ldm r2, {r3-r8}\n b 6b\n"
        "10:\n add sp, sp, #16\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

/* One pixel. */
MCUQ_KERNEL void mcuq_gemm_4x2_x_one(mcuq_word *to, const int8_t *from, const mcuq_gemm_4x2_x_rows *rows)
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

/* The same by way of the line. */
MCUQ_KERNEL void mcuq_gemm_4x2_x_gather(mcuq_word *to, const int8_t *from, const mcuq_gemm_4x2_x_rows *rows)
{
    const mcuq_gemm_4x2_x_rows all = {.count = rows->wide, .rows = 1};
    for (int32_t row = 0; row < rows->rows; row++) {
        from = (row > 0) ? &from[rows->skip + rows->count] : from;
        (void)memcpy(&rows->line[row * rows->count], from, (size_t)((rows->count + 15) & ~15));
    }
    mcuq_gemm_4x2_x_one(to, rows->line, &all);
}

MCUQ_KERNEL void mcuq_gemm_4x2_x_expand(mcuq_word *to, const int8_t *from, const mcuq_gemm_4x2_x_rows *rows)
{
    for (int32_t pixel = 0; pixel < ((rows->step == 0) ? 1 : 2); pixel++) {
        if (rows->line == NULL) {
            mcuq_gemm_4x2_x_one(&to[pixel], &from[pixel * rows->step], rows);
        } else {
            mcuq_gemm_4x2_x_gather(&to[pixel], &from[pixel * rows->step], rows);
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
