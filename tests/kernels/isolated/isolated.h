/*
 * Kernels called one by one: what a program of them offers to what calls it.
 */
#ifndef ISOLATED_H
#define ISOLATED_H

#include <stddef.h>
#include <stdint.h>

/* A kernel with its arguments as pointers; x: its inputs. */
typedef void isolated_call(const void *params, const int8_t *const *x, void *y, int8_t *scratch);

/* bytes: of the parameter struct. offsets: of its members, integers of 32 bits before pointers. */
typedef struct {
    uint32_t bytes;
    const uint32_t *offsets;
    isolated_call *call;
} isolated_kernel;

/* The offset of a member; no constant where it is no integer of 32 bits. */
#define ISOLATED_INTEGER(type, member)                                                                     \
    ((uint32_t)offsetof(type, member) + (0U / (uint32_t)(sizeof(((type *)0)->member) == 4U)))
#define ISOLATED_POINTER(type, member) ((uint32_t)offsetof(type, member))

#endif
