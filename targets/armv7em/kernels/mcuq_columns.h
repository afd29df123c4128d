/*
 * Codes of windows as mcuq_gemm_s16 reads them: words of two codes, those of four pixels side by side.
 */
#ifndef MCUQ_COLUMNS_H
#define MCUQ_COLUMNS_H

#include "mcuq_halves_dsp.h"

/*
 * `rows` rows, at least 1, of `count` codes, at least 1, `skip` bytes apart, of each of `pixels` (1 to 4) that begin
 * `step` bytes apart.
 */
typedef struct {
    int32_t count;
    int32_t skip;
    int32_t rows;
    int32_t step;
    int32_t pixels;
} mcuq_columns_rows;

/*
 * The windows of four pixels next to each other, three pixels wide: `rows` rows, at least 1, of which each has six
 * pixels of 16 * blocks codes of int16; from the end of these it is `skip` bytes to the next row.
 */
typedef struct {
    int32_t blocks;
    int32_t skip;
    int32_t rows;
} mcuq_columns_near;

#if MCUQ_HAS_UNALIGNED

/*
 * r0 = to, r1 = from, r3 = count, r4 = skip, r5 = rows left. The stack holds, by offset: 0 to, 4 from, 8 rows, 12 step,
 * 16 pixels left.
 */
#define MCUQ_COLUMNS_ENTER                                                                                  \
    "push {r4-r11, lr}\n ldm r2, {r3-r7}\n push {r0, r1, r5-r7}\n"

/* A row ends, then a pixel. */
#define MCUQ_COLUMNS_LEAVE                                                                                  \
    "add r1, r1, r4\n subs r5, r5, #1\n bne.w 1b\n"                                                          \
    "ldm sp, {r0, r1, r5-r7}\n add r0, r0, #4\n add r1, r1, r6\n subs r7, r7, #1\n"                           \
    "str r0, [sp, #0]\n str r1, [sp, #4]\n str r7, [sp, #16]\n bne.w 1b\n add sp, sp, #20\n pop {r4-r11, lr}\n"

/* int16 codes, an odd one at the end of a row before a 0: 22 cycles for 16 codes. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_columns_wide(mcuq_word *to, const mcuq_int16 *from, const mcuq_columns_rows *rows)
{
    MCUQ_REGISTER(mcuq_word *, r0, to);
    MCUQ_REGISTER(const mcuq_int16 *, r1, from);
    MCUQ_REGISTER(const mcuq_columns_rows *, r2, rows);
    __asm__ volatile(
        MCUQ_COLUMNS_ENTER
        "1:\n lsrs r6, r3, #4\n beq 3f\n"
        ".p2align 2\n"
        "2:\n ldr.w r2, [r1]\n ldr.w r7, [r1, #4]\n ldr r8, [r1, #8]\n ldr r9, [r1, #12]\n ldr r10, [r1, #16]\n"
        "ldr r11, [r1, #20]\n ldr r12, [r1, #24]\n ldr lr, [r1, #28]\n add r1, r1, #32\n"
        "str.w r2, [r0]\n str.w r7, [r0, #16]\n str r8, [r0, #32]\n str r9, [r0, #48]\n str r10, [r0, #64]\n"
        "str r11, [r0, #80]\n str r12, [r0, #96]\n str lr, [r0, #112]\n add r0, r0, #128\n"
        "subs r6, r6, #1\n bne 2b\n"
        "3:\n tst r3, #15\n beq.w 7f\n tst r3, #8\n beq 4f\n"
        "ldr r2, [r1]\n ldr r7, [r1, #4]\n ldr r8, [r1, #8]\n ldr r9, [r1, #12]\n add r1, r1, #16\n"
        "str r2, [r0]\n str r7, [r0, #16]\n str r8, [r0, #32]\n str r9, [r0, #48]\n add r0, r0, #64\n"
        "4:\n tst r3, #4\n beq 5f\n"
        "ldr r2, [r1]\n ldr r7, [r1, #4]\n add r1, r1, #8\n str r2, [r0]\n str r7, [r0, #16]\n add r0, r0, #32\n"
        "5:\n tst r3, #2\n beq 6f\n ldr r2, [r1]\n add r1, r1, #4\n str r2, [r0]\n add r0, r0, #16\n"
        "6:\n tst r3, #1\n beq 7f\n ldrh r2, [r1]\n add r1, r1, #2\n str r2, [r0]\n add r0, r0, #16\n"
        "7:\n" MCUQ_COLUMNS_LEAVE
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/* 16 codes to where `stores` puts them, as often as lr says. */
#define MCUQ_COLUMNS_PIXEL(stores)                                                                          \
    "ldr lr, [sp, #0]\n 2:\n"                                                                               \
    "ldr r4, [r1]\n ldr r5, [r1, #4]\n ldr r6, [r1, #8]\n ldr r7, [r1, #12]\n ldr r8, [r1, #16]\n"           \
    "ldr r9, [r1, #20]\n ldr r10, [r1, #24]\n ldr r11, [r1, #28]\n add r1, r1, #32\n" stores                \
    "subs lr, lr, #1\n bne 2b\n"

/* They go to the pixel whose column `to` points to, which moves on. */
#define MCUQ_COLUMNS_PUT(to)                                                                                \
    "str r4, [" #to "]\n str r5, [" #to ", #16]\n str r6, [" #to ", #32]\n str r7, [" #to ", #48]\n"           \
    "str r8, [" #to ", #64]\n str r9, [" #to ", #80]\n str r10, [" #to ", #96]\n str r11, [" #to ", #112]\n"   \
    "add " #to ", " #to ", #128\n"

/*
 * Each code is read once and goes to up to three windows: of the six pixels of a row, the first to that of the first
 * window, the second to those of the first two, and so on. The stack holds, by offset: 0 blocks, 4 skip, 8 rows left,
 * 12 to.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_columns_four(mcuq_word *to, const mcuq_int16 *from, const mcuq_columns_near *near)
{
    MCUQ_REGISTER(mcuq_word *, r0, to);
    MCUQ_REGISTER(const mcuq_int16 *, r1, from);
    MCUQ_REGISTER(const mcuq_columns_near *, r2, near);
    __asm__ volatile(
        "push {r4-r11, lr}\n ldm r2, {r3-r5}\n mov r6, r0\n push {r3-r6}\n"
        "1:\n add r2, r0, #4\n add r3, r0, #8\n"
        MCUQ_COLUMNS_PIXEL(MCUQ_COLUMNS_PUT(r0))
        MCUQ_COLUMNS_PIXEL(MCUQ_COLUMNS_PUT(r0) MCUQ_COLUMNS_PUT(r2))
        MCUQ_COLUMNS_PIXEL(MCUQ_COLUMNS_PUT(r0) MCUQ_COLUMNS_PUT(r2) MCUQ_COLUMNS_PUT(r3))
        "ldr r12, [sp, #12]\n str r0, [sp, #12]\n add r12, r12, #12\n"
        MCUQ_COLUMNS_PIXEL(MCUQ_COLUMNS_PUT(r2) MCUQ_COLUMNS_PUT(r3) MCUQ_COLUMNS_PUT(r12))
        MCUQ_COLUMNS_PIXEL(MCUQ_COLUMNS_PUT(r3) MCUQ_COLUMNS_PUT(r12))
        MCUQ_COLUMNS_PIXEL(MCUQ_COLUMNS_PUT(r12))
        "ldr r4, [sp, #4]\n ldr r5, [sp, #8]\n ldr r0, [sp, #12]\n add r1, r1, r4\n subs r5, r5, #1\n"
        "str r5, [sp, #8]\n bne.w 1b\n add sp, sp, #16\n pop {r4-r11, lr}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

/* Four codes as words (x[0], x[2]) and (x[1], x[3]) `at` bytes on. */
#define MCUQ_COLUMNS_FOUR(from, at)                                                                         \
    "sxtb16 r2, " #from "\n sxtb16 " #from ", " #from ", ror #8\n"                                           \
    "str r2, [r0, #" #at "]\n str " #from ", [r0, #" #at "+16]\n"

/* int8 codes, a multiple of 4, as words (x[0], x[2]) and (x[1], x[3]) of each four: 26 cycles for 16 codes. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_columns_narrow(mcuq_word *to, const int8_t *from, const mcuq_columns_rows *rows)
{
    MCUQ_REGISTER(mcuq_word *, r0, to);
    MCUQ_REGISTER(const int8_t *, r1, from);
    MCUQ_REGISTER(const mcuq_columns_rows *, r2, rows);
    __asm__ volatile(
        MCUQ_COLUMNS_ENTER
        "1:\n lsrs r6, r3, #4\n beq 3f\n"
        ".p2align 2\n"
        "2:\n ldr.w r7, [r1]\n ldr r8, [r1, #4]\n ldr r9, [r1, #8]\n ldr r10, [r1, #12]\n add r1, r1, #16\n"
        MCUQ_COLUMNS_FOUR(r7, 0) MCUQ_COLUMNS_FOUR(r8, 32) MCUQ_COLUMNS_FOUR(r9, 64) MCUQ_COLUMNS_FOUR(r10, 96)
        "add r0, r0, #128\n subs r6, r6, #1\n bne 2b\n"
        "3:\n tst r3, #15\n beq 5f\n tst r3, #8\n beq 4f\n ldr r7, [r1]\n ldr r8, [r1, #4]\n add r1, r1, #8\n"
        MCUQ_COLUMNS_FOUR(r7, 0) MCUQ_COLUMNS_FOUR(r8, 32) "add r0, r0, #64\n"
        "4:\n tst r3, #4\n beq 5f\n ldr r7, [r1]\n add r1, r1, #4\n" MCUQ_COLUMNS_FOUR(r7, 0) "add r0, r0, #32\n"
        "5:\n" MCUQ_COLUMNS_LEAVE
        : "+r"(r0), "+r"(r1), "+r"(r2)
        :
        : "r3", "r12", "cc", "memory");
}

#else

MCUQ_KERNEL void mcuq_columns_wide(mcuq_word *to, const mcuq_int16 *from, const mcuq_columns_rows *rows)
{
    for (int32_t pixel = 0; pixel < rows->pixels; pixel++) {
        const mcuq_int16 *x = &from[pixel * (rows->step / 2)];
        mcuq_word *put = &to[pixel];
        for (int32_t row = 0; row < rows->rows; row++) {
            x = (row > 0) ? &x[rows->count + (rows->skip / 2)] : x;
            for (int32_t i = 0; i < rows->count; i += 2) {
                const int32_t next = ((i + 1) < rows->count) ? x[i + 1] : 0;
                *put = mcuq_pack_low((uint32_t)(int32_t)x[i], (uint32_t)next);
                put = &put[4];
            }
        }
    }
}

MCUQ_KERNEL void mcuq_columns_four(mcuq_word *to, const mcuq_int16 *from, const mcuq_columns_near *near)
{
    const int32_t pixel = 32 * near->blocks;
    const mcuq_columns_rows rows = {
        .count = 48 * near->blocks,
        .skip = near->skip + (3 * pixel),
        .rows = near->rows,
        .step = pixel,
        .pixels = 4,
    };
    mcuq_columns_wide(to, from, &rows);
}

MCUQ_KERNEL void mcuq_columns_narrow(mcuq_word *to, const int8_t *from, const mcuq_columns_rows *rows)
{
    for (int32_t pixel = 0; pixel < rows->pixels; pixel++) {
        const int8_t *x = &from[pixel * rows->step];
        mcuq_word *put = &to[pixel];
        for (int32_t row = 0; row < rows->rows; row++) {
            x = (row > 0) ? &x[rows->count + rows->skip] : x;
            for (int32_t i = 0; i < rows->count; i += 4) {
                const uint32_t word = mcuq_load4(&x[i]);
                put[0] = mcuq_sxtb16(word);
                put[4] = mcuq_sxtb16_odd(word);
                put = &put[8];
            }
        }
    }
}

#endif

#endif
