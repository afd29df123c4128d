/*
 * Products of halves of words with weights of four bits, four output channels of one or two pixels at a time.
 *
 * A halfword of weights holds, from its lowest bits on, a + 8, b, c + 8 and d of four channels, four bits each, b and d
 * signed. SXTB16 makes (a + 8) + 16 b of two codes of a word, or (c + 8) + 16 d, and AND leaves a + 8, or c + 8, of
 * that. What is 8 too many adds up to 8 S, where S is the sum of the codes of x: all sums begin with that much less.
 */
#ifndef MCUQ_FOURS_S16_H
#define MCUQ_FOURS_S16_H

#include "mcuq_halves_dsp.h"

/* How sums end: as codes limited to int16, or to its codes from 0 on, or as they are, without their biases. */
#define MCUQ_FOURS_S16_ALL 0
#define MCUQ_FOURS_S16_POSITIVE 1
#define MCUQ_FOURS_S16_SUMS 2

/*
 * What a product is told.
 *
 * entry: where the first walk through the unrolled loop begins. x and x_end: words of two codes. first: bytes of
 * weights that the first walk takes where that is not a whole one.
 * channels: of each channel twice the bias, multiplier, right shift, 1 to 23, and 1 << (right - 1).
 * groups: how many fours of channels, at least 1. y: a code per channel, or four words per pixel. stride: bytes from a
 * pixel to the next, 0 where there is none.
 * end: one of the three. weights: a word per four channels and two codes of x. begin: as the product says.
 */
typedef struct {
    int32_t entry;
    const mcuq_word *x;
    const mcuq_word *x_end;
    int32_t first;
    const int32_t *channels;
    int32_t groups;
    mcuq_int16 *y;
    int32_t stride;
    int32_t end;
    const int8_t *weights;
    uint32_t begin[2];
} mcuq_fours_s16_walk;

/*
 * What a layer knows of its channels.
 *
 * half_wide: bytes of weights of a channel. channels: as above, channels of zeros filling up the last four; one whose
 * sums are requantized in full has its bias instead of twice it, and as right shift 64 less its shift, 34 to 95. runs:
 * how many fours are fast, how many that follow are slow, again how many are fast, until these are all: fast ones are
 * limited to int16, or to its codes from 0 on, and have no channel that is requantized in full.
 */
typedef struct {
    mcuq_halves_end end;
    int32_t out_c;
    int32_t half_wide;
    const int8_t *weights;
    const int32_t *channels;
    const int32_t *runs;
} mcuq_fours_s16_layer;

/*
 * Which fours are next. y: the output, `at` the first channel of the first of `pixels` pixels in it. m: the next
 * channel; left: how many fours of this run are left; block: codes or sums that do not go to y as they are.
 */
typedef struct {
    mcuq_fours_s16_walk walk;
    const int32_t *run;
    int32_t left;
    int32_t is_slow;
    int32_t m;
    void *y;
    int32_t at;
    int32_t pixels;
    mcuq_int32 block[8];
} mcuq_fours_s16_state;

/* How codes that are fast are limited. */
MCUQ_INLINE int32_t mcuq_fours_s16_limits(const mcuq_fours_s16_layer *layer)
{
    return (layer->end.lo == 0) ? MCUQ_FOURS_S16_POSITIVE : MCUQ_FOURS_S16_ALL;
}

/* 1 where all channels are fast and fill their fours: then one product has them all, of which this is told. */
MCUQ_INLINE int32_t mcuq_fours_s16_plain(const mcuq_fours_s16_layer *layer, mcuq_fours_s16_walk *walk)
{
    walk->channels = layer->channels;
    walk->groups = layer->runs[0];
    walk->end = mcuq_fours_s16_limits(layer);
    walk->weights = layer->weights;
    return (4 * walk->groups) == layer->out_c;
}

/* All channels of `pixels` pixels, whose codes the walk holds. */
MCUQ_INLINE void mcuq_fours_s16_begin(const mcuq_fours_s16_layer *layer, mcuq_fours_s16_state *state, void *y,
                                      int32_t at, int32_t pixels)
{
    state->run = layer->runs;
    state->left = layer->runs[0];
    state->is_slow = 0;
    state->m = 0;
    state->y = y;
    state->at = at;
    state->pixels = pixels;
}

/* What the next product is to do; 0 behind the last channel. */
MCUQ_KERNEL int32_t mcuq_fours_s16_next(const mcuq_fours_s16_layer *layer, mcuq_fours_s16_state *state)
{
    mcuq_fours_s16_walk *const walk = &state->walk;
    if (state->m >= layer->out_c) {
        return 0;
    }
    while (state->left == 0) {
        state->run = &state->run[1];
        state->left = *state->run;
        state->is_slow = 1 - state->is_slow;
    }
    const int32_t whole = (layer->out_c - state->m) / 4;
    walk->weights = &layer->weights[state->m * layer->half_wide];
    walk->channels = &layer->channels[4 * state->m];
    if ((state->is_slow == 0) && (whole > 0)) {
        walk->groups = (state->left < whole) ? state->left : whole;
        walk->y = &((mcuq_int16 *)state->y)[state->at + state->m];
        walk->stride = (state->pixels > 1) ? (2 * layer->out_c) : 0;
        walk->end = mcuq_fours_s16_limits(layer);
    } else {
        /* Slow ones, and the last channels if they are fewer than four, go by way of the block. */
        walk->groups = 1;
        walk->y = (mcuq_int16 *)(void *)state->block;
        walk->stride = (state->pixels > 1) ? 8 : 0;
        walk->end = (state->is_slow != 0) ? MCUQ_FOURS_S16_SUMS : mcuq_fours_s16_limits(layer);
    }
    return 1;
}

/* Codes of `count` channels from sums in the block. */
MCUQ_INLINE void mcuq_fours_s16_slow(const mcuq_fours_s16_layer *layer, const mcuq_fours_s16_state *state,
                                     int32_t count, int32_t is_wide)
{
    const mcuq_halves_end end = layer->end;
    for (int32_t c = 0; c < count; c++) {
        mcuq_halves_channel channel;
        (void)memcpy(&channel, &layer->channels[4 * (state->m + c)], sizeof channel);
        const int32_t bias = (channel.right <= MCUQ_HALVES_DSP_MOST) ? (channel.bias / 2) : channel.bias;
        for (int32_t i = 0; i < state->pixels; i++) {
            const int32_t code = mcuq_halves_code(state->block[(4 * i) + c] + bias, &channel, &end);
            mcuq_halves_put(state->y, state->at + state->m + (i * layer->out_c) + c, code, is_wide);
        }
    }
}

/* What stands in the block, of up to four channels, to its place behind a product. */
MCUQ_INLINE void mcuq_fours_s16_keep(const mcuq_fours_s16_layer *layer, mcuq_fours_s16_state *state, int32_t is_wide)
{
    const int32_t left = layer->out_c - state->m;
    if (state->is_slow != 0) {
        mcuq_fours_s16_slow(layer, state, (left < 4) ? left : 4, is_wide);
    } else if (left < 4) {
        const mcuq_int16 *const codes = (const mcuq_int16 *)(const void *)state->block;
        for (int32_t i = 0; i < state->pixels; i++) {
            for (int32_t c = 0; c < left; c++) {
                ((mcuq_int16 *)state->y)[state->at + state->m + (i * layer->out_c) + c] = codes[(4 * i) + c];
            }
        }
    } else {
        /* They are there already. */
    }
    state->m += 4 * state->walk.groups;
    state->left -= state->walk.groups;
}

#if MCUQ_HAS_DSP

/* Two operands of a word `w` of weights: (a + 8) + 16 b, then of that a + 8; turned by 8 bits those of c and d. */
#define MCUQ_FOURS_S16_BOTH(t, w, turn) "sxtb16 " #t ", " #w turn "\n"
#define MCUQ_FOURS_S16_FIRST(t) "and.w " #t ", " #t ", #0x000f000f\n"

/*
 * A walk, r0, as products keep it on the stack, by offset: 0 where the unrolled loop, label 2, is entered, 4 x behind
 * the first walk, 8 x_end, 12 first, 16 channels, 20 groups left, 24 y, 28 stride, 32 end, 36 and 40 begin. r1 is
 * weights. scale: of bytes of weights to those of x.
 */
#define MCUQ_FOURS_S16_ENTER(scale)                                                                         \
    "push {r4-r11, lr}\n sub sp, sp, #44\n ldm r0, {r1-r10}\n ldrd r11, r12, [r0, #40]\n adr.w lr, 2f+1\n"      \
    "add r1, r1, lr\n add r2, r2, r4, " scale "\n stm sp, {r1-r9}\n strd r11, r12, [sp, #36]\n mov r1, r10\n"

/* A four has ended; then all have. */
#define MCUQ_FOURS_S16_LEAVE                                                                                \
    "ldr r2, [sp, #20]\n subs r2, r2, #1\n str r2, [sp, #20]\n bne.w 1b\n"                                    \
    "6:\n add sp, sp, #44\n pop {r4-r11, lr}\n"

/* What a channel has: twice its bias, multiplier, right shift, half a step; r0: where these stand. */
#define MCUQ_FOURS_S16_CHANNEL "ldm r0!, {r2, r3, r10, r11}\n"

#else

/* A weight: number `channel` of four in half `index` of a word. */
static inline int32_t mcuq_fours_s16_weight(uint32_t word, uint32_t index, uint32_t channel)
{
    const uint32_t bits = (word >> ((16U * index) + (4U * channel))) & 15U;
    return (int32_t)(((channel % 2U) == 0U) ? bits : (bits ^ 8U)) - 8;
}

/* The sums of four channels of group number `group`, from every x_step words from x_first on. */
MCUQ_KERNEL void mcuq_fours_s16_sums(const mcuq_fours_s16_walk *walk, int32_t group, int32_t x_first, int32_t x_step,
                                     int32_t sums[4])
{
    const int32_t words = (int32_t)(walk->x_end - walk->x) / x_step;
    (void)memset(sums, 0, 4U * sizeof sums[0]);
    for (int32_t k = 0; k < words; k++) {
        const uint32_t word = mcuq_load4(&walk->weights[4 * ((words * group) + k)]);
        for (uint32_t i = 0; i < 8U; i++) {
            sums[i % 4U] += mcuq_half(walk->x[(k * x_step) + x_first], i / 4U) *
                            mcuq_fours_s16_weight(word, i / 4U, i % 4U);
        }
    }
}

/* Their end: codes or sums of pixel 0 or 1. */
MCUQ_KERNEL void mcuq_fours_s16_end(const mcuq_fours_s16_walk *walk, int32_t group, int32_t pixel,
                                    const int32_t sums[4])
{
    const int32_t lo = (walk->end == MCUQ_FOURS_S16_ALL) ? -32768 : 0;
    mcuq_int16 *const y = &walk->y[(pixel * (walk->stride / 2)) + (4 * group)];
    for (int32_t i = 0; i < 4; i++) {
        if (walk->end == MCUQ_FOURS_S16_SUMS) {
            ((mcuq_int32 *)(void *)walk->y)[(4 * pixel) + i] = sums[i];
        } else {
            const int32_t *const channel = &walk->channels[4 * ((4 * group) + i)];
            const int32_t doubled = channel[0] + (sums[i] * 2);
            const int32_t code = mcuq_smmlar(doubled, channel[1], channel[3] + (doubled >> 31)) >> channel[2];
            y[i] = mcuq_clamp_s16(code, lo, 32767);
        }
    }
}

#endif

#endif
