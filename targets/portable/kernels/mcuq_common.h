/*
 * What every kernel shares: the compiler's promises and clamping.
 */
#ifndef MCUQ_COMMON_H
#define MCUQ_COMMON_H

#if !defined(__STDC_VERSION__) || (__STDC_VERSION__ < 199901L)
#error "mcuq: these files are C99: compile them as C, with -std=c99 or later"
#endif
#if defined(__ARM_BIG_ENDIAN) || defined(__BIG_ENDIAN__) || \
    (defined(__BYTE_ORDER__) && (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__))
#error "mcuq: constants are packed and results proven for little-endian cores: leave -mbig-endian out"
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Where constant arrays lie: an attribute of the application's, such as a section of another memory. */
#if !defined(MCUQ_CONSTANTS)
#define MCUQ_CONSTANTS
#endif

/* Alignment of constant arrays, so that a kernel may read whole words. */
#if defined(__GNUC__)
#define MCUQ_ALIGNED MCUQ_CONSTANTS __attribute__((aligned(4)))
#else
#define MCUQ_ALIGNED MCUQ_CONSTANTS
#endif

/* Where kernels lie: an attribute of the application's, such as a section that its startup code copies to RAM. */
#if !defined(MCUQ_HOT)
#define MCUQ_HOT
#endif

/*
 * Kernels are private to the file that calls them, so that models never share or collide in symbols; of what a
 * header defines a kernel may leave some unused.
 */
#if defined(__GNUC__)
#define MCUQ_KERNEL static MCUQ_HOT __attribute__((unused))
#else
#define MCUQ_KERNEL static MCUQ_HOT
#endif

/*
 * A kernel that models call: a function of its own, so that its loops have all registers and the model's function
 * needs no stack for it. What all its calls in a model agree on, the compiler may put in its place.
 */
#if defined(__GNUC__)
#define MCUQ_CALLED MCUQ_KERNEL __attribute__((noinline))
#else
#define MCUQ_CALLED MCUQ_KERNEL
#endif

/* A function that is never inlined: its loops have all registers. */
#if defined(__GNUC__)
#define MCUQ_NOINLINE __attribute__((noinline))
#else
#define MCUQ_NOINLINE
#endif

/* A function that is inlined at any level of optimization: its callers keep in registers what it is given. */
#if defined(__GNUC__)
#define MCUQ_INLINE static inline __attribute__((always_inline))
#else
#define MCUQ_INLINE static inline
#endif

/*
 * A value in a register of its own, for the assembly statement that follows.
 *
 * A routine in assembly is one statement in a function of its own, never inlined. It takes its arguments in the
 * registers of the first parameters, saves and restores what a function has to keep and the stack pointer itself, and
 * declares what else it changes. So the compiler may put what it likes before and behind it, and may keep any register
 * to itself: profiling, stack protection and frame pointers do no harm.
 */
#if defined(__GNUC__)
#define MCUQ_REGISTER(type, name, value) register type name __asm__(#name) = (value)
#endif

/* Right shifts of negative values are arithmetic on every supported compiler; refuse any other. */
typedef char mcuq_arithmetic_shift[((-1) >> 1) == -1 ? 1 : -1];

/* Constants of type int hold 32 bits; refuse a compiler whose int is shorter. */
typedef char mcuq_int_of_32_bits[(sizeof(int) >= sizeof(int32_t)) ? 1 : -1];

/* The value limited to [lo, hi], where -128 <= lo <= hi <= 127. */
static inline int8_t mcuq_clamp(int32_t value, int32_t lo, int32_t hi)
{
    const int32_t above = (value < lo) ? lo : value;
    return (int8_t)((above > hi) ? hi : above);
}

#endif
