/*
 * Semihosting: the program asks whatever emulates or debugs it for files, text output and exit.
 * Source: Arm "Semihosting for AArch32 and AArch64"; RISC-V "RISC-V Semihosting".
 */
#ifndef MCUQ_SEMIHOSTING_H
#define MCUQ_SEMIHOSTING_H

#include <stdint.h>

enum {
    MCUQ_SYS_OPEN = 0x01,
    MCUQ_SYS_CLOSE = 0x02,
    MCUQ_SYS_WRITE0 = 0x04,
    MCUQ_SYS_WRITE = 0x05,
    MCUQ_SYS_READ = 0x06,
    MCUQ_SYS_EXIT_EXTENDED = 0x20
};

/* The exit reason ADP_Stopped_ApplicationExit: with it the exit code counts. */
#define MCUQ_APPLICATION_EXIT 0x20026u

/* One request: the operation and the address of its parameters; returns the operation's result. */
#if defined(__arm__)
static inline int32_t mcuq_semihosting(uint32_t operation, const void *parameters)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}
#else
/* The sequence has to keep its alignment, which linker relaxation breaks inside of functions: a
 * function of its own, in startup_riscv32.c. */
int32_t mcuq_semihosting(uint32_t operation, const void *parameters);
#endif

/* Prints a text that ends with a zero byte. */
static inline void mcuq_semihosting_print(const char *text)
{
    (void)mcuq_semihosting(MCUQ_SYS_WRITE0, text);
}

/* Ends the program. */
static inline void mcuq_semihosting_exit(uint32_t code)
{
    const uint32_t parameters[2] = {MCUQ_APPLICATION_EXIT, code};
    for (;;) {
        (void)mcuq_semihosting(MCUQ_SYS_EXIT_EXTENDED, parameters);
    }
}

#endif
