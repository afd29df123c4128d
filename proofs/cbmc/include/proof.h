/*
 * What harnesses share: memory of exactly so many elements with anything in it, and any number within limits.
 *
 * Every size is a constant of the harness; everything else is symbolic. The prover takes what nobody has written to
 * fresh memory as any value.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ASSUME(condition) __CPROVER_assume(condition)
#define ASSERT(condition, why) __CPROVER_assert(condition, why)

/* `count` elements of a type, none before and none behind, with any values in them. */
#define SYMBOLIC(type, name, count) type *const name = (type *)proof_memory((size_t)(count) * sizeof(type))

/* Limits of codes of so many bits, and zero points. */
#define CODE_MIN(bits) (-((int32_t)1 << ((bits) - 1)))
#define CODE_MAX(bits) (((int32_t)1 << ((bits) - 1)) - 1)
#define ZERO_POINT proof_number(-128, 127)
#define ZERO_POINT_OF(bits) (((bits) == 8) ? ZERO_POINT : 0) /* that of int16 is 0: docs/numerics.md, R1 */
#define MULTIPLIER proof_number(0, INT32_MAX)
#define SHIFT proof_number(-31, 30)

/* The last line of a harness: with -DPROOF_END the prover has to find a way here, so that no assumption forbids all. */
#if defined(PROOF_END)
#define HARNESS_END ASSERT(0, "the end is reached")
#else
#define HARNESS_END
#endif

int32_t nondet_int32(void);

static inline void *proof_memory(size_t bytes)
{
    void *const memory = malloc(bytes);
    ASSUME(memory != NULL);
    return memory;
}

/* Any number of [lo, hi]. */
static inline int32_t proof_number(int32_t lo, int32_t hi)
{
    const int32_t value = nondet_int32();
    ASSUME((lo <= value) && (value <= hi));
    return value;
}

/* Any `count` numbers of [lo, hi]. */
static inline int32_t *proof_numbers(int32_t count, int32_t lo, int32_t hi)
{
    SYMBOLIC(int32_t, numbers, count);
    for (int32_t i = 0; i < count; i++) {
        ASSUME((lo <= numbers[i]) && (numbers[i] <= hi));
    }
    return numbers;
}

/* Any `count` int16 of [lo, hi]. */
static inline int16_t *proof_halves(int32_t count, int32_t lo, int32_t hi)
{
    SYMBOLIC(int16_t, numbers, count);
    for (int32_t i = 0; i < count; i++) {
        ASSUME((lo <= numbers[i]) && (numbers[i] <= hi));
    }
    return numbers;
}

/* Any `count` int8 of [lo, hi]. */
static inline int8_t *proof_bytes(int32_t count, int32_t lo, int32_t hi)
{
    SYMBOLIC(int8_t, numbers, count);
    for (int32_t i = 0; i < count; i++) {
        ASSUME((lo <= numbers[i]) && (numbers[i] <= hi));
    }
    return numbers;
}

/* Multipliers and shifts of so many channels. */
static inline int32_t *proof_multipliers(int32_t count)
{
    return proof_numbers(count, 0, INT32_MAX);
}

static inline int8_t *proof_shifts(int32_t count)
{
    return proof_bytes(count, -31, 30);
}

/*
 * Biases that leave room for `taps` products of at most `product`: no partial sum leaves int32, and the whole sum takes
 * a zero point. docs/numerics.md, R6, proves so much of every model.
 */
static inline int32_t *proof_biases(int32_t count, int32_t taps, int32_t product)
{
    const int32_t room = (INT32_MAX - 256) - (taps * product);
    return proof_numbers(count, -room, room);
}

#endif
