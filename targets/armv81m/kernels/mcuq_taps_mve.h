/*
 * Sums over taps of windows of one channel each, int16, and the codes that they become; 8 channels at a time.
 */
#ifndef MCUQ_TAPS_MVE_H
#define MCUQ_TAPS_MVE_H

#include "mcuq_mixed.h"
#include "mcuq_mve.h"

/*
 * Of eight channels the four even ones stand before the four odd ones: so multiplications of halfwords leave them, and
 * so a store takes them. Constants are filled up to eight channels: `channels` has of each eight [8] biases,
 * [8] multipliers and [8] shifts, to the left where positive; weights are [eights][9][8].
 */

/* Taps that are added up in one go, and words of `channels` of eight. */
#define MCUQ_TAPS_MVE_NINE 9
#define MCUQ_TAPS_MVE_WORDS 24

/*
 * Windows beside one another, all of whose taps lie in x. taps: channel 0 of each tap's pixel in the first; x_step and
 * y_step bytes lie between the ends of two pixels, filled up to eight channels, and the beginnings of the next. No
 * channel shifts to the left.
 */
typedef struct {
    const mcuq_int16 *taps[MCUQ_TAPS_MVE_NINE];
    const int8_t *weights;
    const int32_t *channels;
    int32_t count;
    int32_t pixels;
    int32_t x_step;
    int32_t y_step;
    int32_t y_zero_point;
    void *y;
    int32_t lo;
    int32_t hi;
} mcuq_taps_mve_run;

/* Nine taps of any window: added to sums [count filled up to eight]. places: of each channel its input's. */
typedef struct {
    const mcuq_int16 *taps[MCUQ_TAPS_MVE_NINE];
    const int8_t *weights;
    mcuq_int32 *sums;
    int32_t count;
    const int16_t *places;
} mcuq_taps_mve_walk;

/* What sums become; has_left says whether any channel shifts to the left. */
typedef struct {
    const mcuq_int32 *sums;
    const int32_t *channels;
    void *y;
    int32_t count;
    int32_t has_left;
    int32_t y_zero_point;
    int32_t lo;
    int32_t hi;
} mcuq_taps_mve_end;

/* Where channel c stands among even and odd ones, and its bias, with its multiplier and shift 8 and 16 words on. */
static inline int32_t mcuq_taps_mve_place(int32_t c)
{
    return (c - (c % 8)) + (4 * (c % 2)) + ((c % 8) / 2);
}

static inline const int32_t *mcuq_taps_mve_channel(const int32_t *channels, int32_t c)
{
    return &channels[(MCUQ_TAPS_MVE_WORDS * (c / 8)) + (mcuq_taps_mve_place(c) % 8)];
}

#if MCUQ_HAS_MVE

/* A tap's codes in `q` by its weights, to the sums of even channels in q6 and of odd ones in q7. */
#define MCUQ_TAPS_MVE_ADD(q)                                                                               \
    "vldrb.s16 q3, [r7], #8\n vmullb.s16 q4, " #q ", q3\n vmullt.s16 q5, " #q ", q3\n"                      \
    "vadd.i32 q6, q6, q4\n vadd.i32 q7, q7, q5\n"

/* Three taps, `load` of one of which is text with its register; what is not loaded is 0. */
#define MCUQ_TAPS_MVE_THREE(load, a, b, c)                                                                 \
    "vpsttt\n" load(q0, a) load(q1, b) load(q2, c)                                                         \
    MCUQ_TAPS_MVE_ADD(q0) MCUQ_TAPS_MVE_ADD(q1) MCUQ_TAPS_MVE_ADD(q2)

/* Codes of eight channels behind one another. */
#define MCUQ_TAPS_MVE_NEXT(q, r) "vldrht.u16 " #q ", [" #r "], #16\n"

/* Sums in `q` rounded, with multipliers and shifts at these offsets from r11. */
#define MCUQ_TAPS_MVE_ROUND(q, by, shift)                                                                  \
    "vldrw.u32 q0, [r11, #" #by "]\n vldrw.u32 q1, [r11, #" #shift "]\n" MCUQ_MVE_ROUND(q, q2, q0, q1)

/*
 * Assembly text of a whole routine; `store` is the one of eight codes in q6 to r0.
 *
 * Taps are in r1 to r6 and r8 to r10, r0 = y, r7 = weights, r11 = channels, lr = the channels left. The stack holds, by
 * offset: 0 weights, 4 channels, 8 count, 12 pixels, 16 x_step, 20 y_step, 24 y_zero_point, 28 and 44 the limits.
 * A sum beyond int16 is beyond the limits, whatever the zero point.
 */
#define MCUQ_TAPS_MVE_RUN(store)                                                                           \
    "push {r4-r11, lr}\n vpush {d8-d15}\n add r12, r0, #36\n ldm r12, {r1-r10}\n"                          \
    "vdup.16 q0, r9\n vdup.16 q1, r10\n vpush {d0-d3}\n push {r1-r7}\n mov r12, r8\n"                      \
    "ldm r0, {r1-r6, r8-r10}\n mov r0, r12\n"                                                              \
    ".p2align 2\n"                                                                                         \
    "1:\n ldrd r7, r11, [sp, #0]\n ldr lr, [sp, #8]\n"                                                     \
    "2:\n vctp.16 lr\n vldrw.u32 q6, [r11]\n vldrw.u32 q7, [r11, #16]\n"                                   \
    MCUQ_TAPS_MVE_THREE(MCUQ_TAPS_MVE_NEXT, r1, r2, r3) MCUQ_TAPS_MVE_THREE(MCUQ_TAPS_MVE_NEXT, r4, r5, r6) \
    MCUQ_TAPS_MVE_THREE(MCUQ_TAPS_MVE_NEXT, r8, r9, r10)                                                   \
    MCUQ_TAPS_MVE_ROUND(q6, 32, 64) MCUQ_TAPS_MVE_ROUND(q7, 48, 80)                                        \
    "vqmovnb.s32 q6, q6\n vqmovnt.s32 q6, q7\n ldr r12, [sp, #24]\n vqadd.s16 q6, q6, r12\n"                \
    "vldrw.u32 q3, [sp, #28]\n vldrw.u32 q4, [sp, #44]\n vmax.s16 q6, q6, q3\n vmin.s16 q6, q6, q4\n"       \
    "vpst\n" store "add r11, r11, #96\n subs lr, lr, #8\n bgt.w 2b\n"                                      \
    "ldrd r11, r12, [sp, #16]\n add r0, r0, r12\n add r1, r1, r11\n add r2, r2, r11\n add r3, r3, r11\n"    \
    "add r4, r4, r11\n add r5, r5, r11\n add r6, r6, r11\n add r8, r8, r11\n add r9, r9, r11\n"             \
    "add r10, r10, r11\n ldr r12, [sp, #12]\n subs r12, r12, #1\n str r12, [sp, #12]\n bne.w 1b\n"          \
    "add sp, sp, #60\n vpop {d8-d15}\n pop {r4-r11, lr}\n"

/* y = clamp(requantize(bias + the sum of taps * weights) + y_zero_point, lo, hi), int16. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_taps_mve_run_halves(const mcuq_taps_mve_run *run)
{
    MCUQ_REGISTER(const mcuq_taps_mve_run *, r0, run);
    __asm__ volatile(MCUQ_TAPS_MVE_RUN("vstrht.16 q6, [r0], #16\n")
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* The same, int8. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_taps_mve_run_bytes(const mcuq_taps_mve_run *run)
{
    MCUQ_REGISTER(const mcuq_taps_mve_run *, r0, run);
    __asm__ volatile(MCUQ_TAPS_MVE_RUN("vstrbt.16 q6, [r0], #8\n")
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/*
 * Assembly text of a whole routine. Taps are in r1 to r6 and r8 to r10, r7 = weights, r11 = sums, r12 = the channels
 * left, lr = places; `first` and `again` are text before three taps.
 */
#define MCUQ_TAPS_MVE(first, again, load)                                                                  \
    "push {r4-r11, lr}\n vpush {d8-d15}\n add r12, r0, #36\n ldm r12, {r1-r4}\n push {r1-r4}\n"             \
    "ldm r0, {r1-r6, r8-r10}\n pop {r7, r11, r12, lr}\n"                                                   \
    ".p2align 2\n"                                                                                         \
    "1:\n vctp.16 r12\n vldrw.u32 q6, [r11]\n vldrw.u32 q7, [r11, #16]\n"                                  \
    first MCUQ_TAPS_MVE_THREE(load, r1, r2, r3) again MCUQ_TAPS_MVE_THREE(load, r4, r5, r6)                \
    again MCUQ_TAPS_MVE_THREE(load, r8, r9, r10)                                                           \
    "vstrw.32 q6, [r11], #16\n vstrw.32 q7, [r11], #16\n subs r12, r12, #8\n bgt.w 1b\n"                   \
    "vpop {d8-d15}\n pop {r4-r11, lr}\n"

/* Codes of eight channels at their places, in q4 until products overwrite it. */
#define MCUQ_TAPS_MVE_FIRST "vldrh.u16 q4, [lr], #16\n"
#define MCUQ_TAPS_MVE_AGAIN "vldrh.u16 q4, [lr, #-16]\n"
#define MCUQ_TAPS_MVE_AT(q, r) "vldrht.u16 " #q ", [" #r ", q4, uxtw #1]\n"

/* sums[c] += the sum of taps[t][c] * weights[t][c] */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_taps_mve_next(const mcuq_taps_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_taps_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_TAPS_MVE("", "", MCUQ_TAPS_MVE_NEXT)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* sums[c] += the sum of taps[t][places[c]] * weights[t][c] */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_taps_mve_at(const mcuq_taps_mve_walk *walk)
{
    MCUQ_REGISTER(const mcuq_taps_mve_walk *, r0, walk);
    __asm__ volatile(MCUQ_TAPS_MVE(MCUQ_TAPS_MVE_FIRST, MCUQ_TAPS_MVE_AGAIN, MCUQ_TAPS_MVE_AT)
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* Sums in `q` to codes, with multipliers and shifts at these offsets from r2; left shifts where r5 is not 0. */
#define MCUQ_TAPS_MVE_CODES(q, by, shift, label)                                                           \
    "vldrw.u32 q2, [r2, #" #by "]\n vldrw.u32 q3, [r2, #" #shift "]\n cbz r5, " #label "f\n"               \
    "vmov.i32 q7, #0\n vmax.s32 q4, q3, q7\n vshl.s32 " #q ", " #q ", q4\n vmin.s32 q3, q3, q7\n"          \
    #label ":\n" MCUQ_MVE_CODES(q, q4, q2, q3, r6, q5, q6)

/* Assembly text of a whole routine; `store` is the one of eight codes in q0 to r3. */
#define MCUQ_TAPS_MVE_END(store)                                                                           \
    "push {r4-r8, lr}\n vpush {d8-d15}\n ldm r0, {r1-r8}\n vdup.32 q5, r7\n vdup.32 q6, r8\n"              \
    ".p2align 2\n"                                                                                         \
    "1:\n vldrw.u32 q0, [r1], #16\n vldrw.u32 q1, [r1], #16\n"                                             \
    MCUQ_TAPS_MVE_CODES(q0, 32, 64, 2) MCUQ_TAPS_MVE_CODES(q1, 48, 80, 3)                                  \
    "vmovnt.i32 q0, q1\n vctp.16 r4\n vpst\n" store "adds.n r2, #96\n subs.n r4, #8\n bgt.w 1b\n"          \
    "vpop {d8-d15}\n pop {r4-r8, lr}\n"

/* y[c] = clamp(requantize(sums[c]) + y_zero_point, lo, hi), int16. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_taps_mve_halves(const mcuq_taps_mve_end *end)
{
    MCUQ_REGISTER(const mcuq_taps_mve_end *, r0, end);
    __asm__ volatile(MCUQ_TAPS_MVE_END("vstrht.16 q0, [r3], #16\n")
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

/* The same, int8. */
MCUQ_KERNEL MCUQ_NOINLINE void mcuq_taps_mve_bytes(const mcuq_taps_mve_end *end)
{
    MCUQ_REGISTER(const mcuq_taps_mve_end *, r0, end);
    __asm__ volatile(MCUQ_TAPS_MVE_END("vstrbt.16 q0, [r3], #8\n")
                     : "+r"(r0)
                     :
                     : "r1", "r2", "r3", "r12", "q0", "q1", "q2", "q3", "cc", "memory");
}

#else

/* The sum over taps of channel c, which reads channel `from`; taps lie `at` bytes behind where they are said to. */
static inline int32_t mcuq_taps_mve_sum(const mcuq_int16 *const *taps, const int8_t *weights, int32_t c, int32_t from,
                                        int32_t at)
{
    const int8_t *const w = &weights[(8 * MCUQ_TAPS_MVE_NINE * (c / 8)) + (c % 8)];
    int32_t sum = 0;
    for (int32_t tap = 0; tap < MCUQ_TAPS_MVE_NINE; tap++) {
        sum += taps[tap][from + (at / 2)] * w[8 * tap];
    }
    return sum;
}

/* Channel c of a pixel of a run, before it is limited. */
static inline int32_t mcuq_taps_mve_run_value(const mcuq_taps_mve_run *run, int32_t pixel, int32_t c)
{
    const int32_t whole = 16 * ((run->count + 7) / 8);
    const int32_t *const channel = mcuq_taps_mve_channel(run->channels, c);
    const int32_t sum = channel[0] + mcuq_taps_mve_sum(run->taps, run->weights, c, c, pixel * (whole + run->x_step));
    return mcuq_requantize(sum, channel[8], channel[16]) + run->y_zero_point;
}

MCUQ_KERNEL void mcuq_taps_mve_run_halves(const mcuq_taps_mve_run *run)
{
    mcuq_int16 *y = run->y;
    for (int32_t pixel = 0; pixel < run->pixels; pixel++) {
        for (int32_t c = 0; c < run->count; c++) {
            *y = mcuq_clamp_s16(mcuq_taps_mve_run_value(run, pixel, c), run->lo, run->hi);
            y++;
        }
    }
}

MCUQ_KERNEL void mcuq_taps_mve_run_bytes(const mcuq_taps_mve_run *run)
{
    int8_t *y = run->y;
    for (int32_t pixel = 0; pixel < run->pixels; pixel++) {
        for (int32_t c = 0; c < run->count; c++) {
            *y = mcuq_clamp(mcuq_taps_mve_run_value(run, pixel, c), run->lo, run->hi);
            y++;
        }
    }
}

MCUQ_KERNEL void mcuq_taps_mve_next(const mcuq_taps_mve_walk *walk)
{
    for (int32_t c = 0; c < walk->count; c++) {
        walk->sums[mcuq_taps_mve_place(c)] += mcuq_taps_mve_sum(walk->taps, walk->weights, c, c, 0);
    }
}

MCUQ_KERNEL void mcuq_taps_mve_at(const mcuq_taps_mve_walk *walk)
{
    for (int32_t c = 0; c < walk->count; c++) {
        walk->sums[mcuq_taps_mve_place(c)] += mcuq_taps_mve_sum(walk->taps, walk->weights, c, walk->places[c], 0);
    }
}

/* Channel c, before it is limited. */
static inline int32_t mcuq_taps_mve_value(const mcuq_taps_mve_end *end, int32_t c)
{
    const int32_t *const channel = mcuq_taps_mve_channel(end->channels, c);
    return mcuq_requantize(end->sums[mcuq_taps_mve_place(c)], channel[8], channel[16]) + end->y_zero_point;
}

MCUQ_KERNEL void mcuq_taps_mve_halves(const mcuq_taps_mve_end *end)
{
    for (int32_t c = 0; c < end->count; c++) {
        ((mcuq_int16 *)end->y)[c] = mcuq_clamp_s16(mcuq_taps_mve_value(end, c), end->lo, end->hi);
    }
}

MCUQ_KERNEL void mcuq_taps_mve_bytes(const mcuq_taps_mve_end *end)
{
    for (int32_t c = 0; c < end->count; c++) {
        ((int8_t *)end->y)[c] = mcuq_clamp(mcuq_taps_mve_value(end, c), end->lo, end->hi);
    }
}

#endif

/* What sums begin with: biases, or 0 where these are added when sums are int64. */
MCUQ_KERNEL void mcuq_taps_mve_begin(mcuq_int32 *sums, const int32_t *channels, int32_t count, int32_t is_slow)
{
    for (int32_t c = 0; c < count; c += 8) {
        if (is_slow != 0) {
            (void)memset(&sums[c], 0, 32);
        } else {
            (void)memcpy(&sums[c], &channels[(MCUQ_TAPS_MVE_WORDS / 8) * c], 32);
        }
    }
}

/* The codes of sums without biases where these need int64 or values are rounded once: by mcuq_mixed_put, one by one. */
MCUQ_INLINE void mcuq_taps_mve_slow(const mcuq_taps_mve_end *end, int32_t is_long, int32_t is_wide)
{
    const mcuq_mixed_end put = {end->y_zero_point, end->lo, end->hi, is_long};
    for (int32_t c = 0; c < end->count; c++) {
        const int32_t *const channel = mcuq_taps_mve_channel(end->channels, c);
        const int64_t sum = (int64_t)end->sums[mcuq_taps_mve_place(c)] + channel[0];
        mcuq_mixed_put(put, end->y, c, sum, channel[8], channel[16], is_wide);
    }
}

#endif
