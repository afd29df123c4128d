/* The streams of mcuq_harness_io.h as the files in.bin and out.bin of the emulator's folder. */
#include "mcuq_harness_io.h"
#include "semihosting.h"

/* The modes of C's fopen, as semihosting counts them. */
#define MODE_RB 1u
#define MODE_WB 5u

#define NOT_OPEN (-1)

/* Only this file's state changes; it belongs to the test harness, not to generated code. */
static int32_t input = NOT_OPEN;
static int32_t output = NOT_OPEN;

static int32_t open_file(const char *name, uint32_t length, uint32_t mode)
{
    const uint32_t parameters[3] = {(uint32_t)(uintptr_t)name, mode, length};
    return mcuq_semihosting(MCUQ_SYS_OPEN, parameters);
}

/* Reads or writes; returns how many bytes were moved. */
static size_t transfer(uint32_t operation, int32_t file, uintptr_t address, size_t bytes)
{
    const uint32_t parameters[3] = {(uint32_t)file, (uint32_t)address, (uint32_t)bytes};
    int32_t left;
    if ((file == NOT_OPEN) || (bytes == 0u)) {
        return 0u;
    }
    /* Semihosting returns how many bytes were NOT moved, or -1. */
    left = mcuq_semihosting(operation, parameters);
    return ((left < 0) || ((size_t)left > bytes)) ? 0u : bytes - (size_t)left;
}

size_t mcuq_io_read(void *dst, size_t bytes)
{
    if (input == NOT_OPEN) {
        input = open_file("in.bin", 6u, MODE_RB);
    }
    return transfer(MCUQ_SYS_READ, input, (uintptr_t)dst, bytes);
}

size_t mcuq_io_write(const void *src, size_t bytes)
{
    if (output == NOT_OPEN) {
        output = open_file("out.bin", 7u, MODE_WB);
    }
    return transfer(MCUQ_SYS_WRITE, output, (uintptr_t)src, bytes);
}
