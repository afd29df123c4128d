/*
 * Products of two windows, whose codes share words, with the weights of two channels: for cores whose multiplication
 * gives 32 bits and adds nothing.
 *
 * A word holds 2^16 b + a, codes of windows a and b, so that one product gives both: w * word = 2^16 (w b) + w a. Two
 * products add up to 2^16 B + A with A and B in [-32512, 32768]. Of t = 2^16 B + A - 32769 the upper half is B - 1, in
 * [-32513, 32767], and the lower one A + 32767, in [255, 65535]: whatever codes and weights are. All t and all upper
 * halves are summed up: sum B is their sum and 1 for each, sum A is sum t - 2^16 sum (B - 1) - 32767 for each, modulo
 * 2^32, which is exact as the sums of windows are within int32.
 */
#ifndef MCUQ_BLOCK_HALVES_H
#define MCUQ_BLOCK_HALVES_H

#include "mcuq_common.h"
#include "mcuq_wide.h"

#define MCUQ_BLOCK_HALVES_OFFSET (-32769)

/* The length of windows, even and not 0; and what two channels have summed up, all t and their upper halves. */
typedef struct {
    int32_t count;
    uint32_t t0;
    uint32_t upper0;
    uint32_t t1;
    uint32_t upper1;
} mcuq_block_halves_sums;

#if defined(__GNUC__) && defined(__thumb__) && !defined(MCUQ_C_FORMS)

/*
 * words [count], weights w0 and w1 [count].
 *
 * r0: words, r1 and r2: where the weights end, r3: -count, up to 0, r4 to r7: words and products, r8: the offset, r9 to
 * r12: the sums. 22 instructions for 8 products.
 */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_block_halves(const mcuq_int32 *words, const int8_t *w0, const int8_t *w1,
                                                 mcuq_block_halves_sums *sums)
{
    MCUQ_REGISTER(const mcuq_int32 *, r0, words);
    MCUQ_REGISTER(const int8_t *, r1, w0);
    MCUQ_REGISTER(const int8_t *, r2, w1);
    MCUQ_REGISTER(mcuq_block_halves_sums *, r3, sums);
    __asm__ volatile(".syntax unified\n push {r3-r7}\n"
                     "mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
                     "ldr r3, [r3]\n adds r1, r1, r3\n adds r2, r2, r3\n negs r3, r3\n"
                     "movs r4, #1\n lsls r4, r4, #15\n adds r4, #1\n negs r4, r4\n mov r8, r4\n"
                     "movs r4, #0\n mov r9, r4\n mov r10, r4\n mov r11, r4\n mov r12, r4\n"
                     "1: ldmia r0!, {r4, r5}\n"
                     "ldrsb r6, [r1, r3]\n muls r6, r4, r6\n ldrsb r7, [r2, r3]\n muls r7, r4, r7\n adds r3, #1\n"
                     "ldrsb r4, [r1, r3]\n muls r4, r5, r4\n adds r6, r6, r4\n"
                     "ldrsb r4, [r2, r3]\n muls r4, r5, r4\n adds r7, r7, r4\n"
                     "add r6, r8\n add r9, r6\n asrs r6, r6, #16\n add r10, r6\n"
                     "add r7, r8\n add r11, r7\n asrs r7, r7, #16\n add r12, r7\n"
                     "adds r3, #1\n bne 1b\n"
                     "ldr r3, [sp, #16]\n mov r4, r9\n mov r5, r10\n mov r6, r11\n mov r7, r12\n"
                     "str r4, [r3, #4]\n str r5, [r3, #8]\n str r6, [r3, #12]\n str r7, [r3, #16]\n"
                     "pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r3-r7}\n"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r12", "cc", "memory");
}

#else

MCUQ_KERNEL MCUQ_NOINLINE void mcuq_block_halves(const mcuq_int32 *words, const int8_t *w0, const int8_t *w1,
                                                 mcuq_block_halves_sums *sums)
{
    const mcuq_block_halves_sums none = {.count = sums->count};
    *sums = none;
    for (int32_t k = 0; k < none.count; k += 2) {
        const int32_t first = ((words[k] * w0[k]) + MCUQ_BLOCK_HALVES_OFFSET) + (words[k + 1] * w0[k + 1]);
        const int32_t second = ((words[k] * w1[k]) + MCUQ_BLOCK_HALVES_OFFSET) + (words[k + 1] * w1[k + 1]);
        sums->t0 += (uint32_t)first;
        sums->upper0 += (uint32_t)(first >> 16);
        sums->t1 += (uint32_t)second;
        sums->upper1 += (uint32_t)(second >> 16);
    }
}

#endif

/* Sums [2][2] of two channels by windows a and b, begun with the biases; what mcuq_block_halves left. */
static inline void mcuq_block_halves_split(const mcuq_block_halves_sums *found, uint32_t bias0, uint32_t bias1,
                                           int32_t *sums)
{
    const uint32_t pairs = (uint32_t)found->count / 2U;
    sums[0] = (int32_t)(bias0 + found->t0 - (found->upper0 << 16) - (32767U * pairs));
    sums[1] = (int32_t)(bias0 + found->upper0 + pairs);
    sums[2] = (int32_t)(bias1 + found->t1 - (found->upper1 << 16) - (32767U * pairs));
    sums[3] = (int32_t)(bias1 + found->upper1 + pairs);
}

#endif
