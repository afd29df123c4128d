/*
 * The streams of mcuq_harness_io.h as the files that the environment variables MCUQ_IO_INPUT and
 * MCUQ_IO_OUTPUT name. The C library closes and flushes them when main returns.
 */
#include "mcuq_harness_io.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *input;
static FILE *output;

static FILE *open_named(const char *variable, const char *mode)
{
    const char *path = getenv(variable);
    FILE *file = (path == NULL) ? NULL : fopen(path, mode);
    if (file == NULL) {
        /* Without its data no result of this program means anything. */
        (void)fprintf(stderr, "mcuq: cannot open the file that %s names\n", variable);
        abort();
    }
    return file;
}

size_t mcuq_io_read(void *dst, size_t bytes)
{
    if (input == NULL) {
        input = open_named("MCUQ_IO_INPUT", "rb");
    }
    return fread(dst, 1u, bytes, input);
}

size_t mcuq_io_write(const void *src, size_t bytes)
{
    if (output == NULL) {
        output = open_named("MCUQ_IO_OUTPUT", "wb");
    }
    return fwrite(src, 1u, bytes, output);
}
