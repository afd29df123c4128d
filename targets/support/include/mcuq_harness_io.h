/*
 * Moves test data in and out of a program, on the host, on emulators and under a debugger alike.
 *
 * There is one input stream and one output stream. The exit code of the program is what its
 * `int main(void)` returns (0 to 255).
 */
#ifndef MCUQ_HARNESS_IO_H
#define MCUQ_HARNESS_IO_H

#include <stddef.h>

/* Reads the next bytes of the input to dst; returns how many there were (fewer only at the end). */
size_t mcuq_io_read(void *dst, size_t bytes);

/* Appends bytes to the output; returns how many were written (fewer only when the medium fails). */
size_t mcuq_io_write(const void *src, size_t bytes);

#endif
