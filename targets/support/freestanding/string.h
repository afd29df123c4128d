/*
 * The four functions of <string.h> that generated code uses, for compilers that come without a C
 * library. -ffreestanding makes the compilers forget what these names mean; the macros remind them,
 * so that a memcpy of four bytes is one load again, as in a hosted build.
 */
#ifndef MCUQ_STRING_H
#define MCUQ_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t bytes);
void *memmove(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#define memcpy(dst, src, bytes) __builtin_memcpy((dst), (src), (bytes))
#define memmove(dst, src, bytes) __builtin_memmove((dst), (src), (bytes))
#define memset(dst, value, bytes) __builtin_memset((dst), (value), (bytes))
#define memcmp(a, b, bytes) __builtin_memcmp((a), (b), (bytes))

#endif
