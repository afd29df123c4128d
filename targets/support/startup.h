/* What the startup code of all architectures shares: the linker script's symbols and the way to main. */
#ifndef MCUQ_STARTUP_H
#define MCUQ_STARTUP_H

#include <stdint.h>

#include "semihosting.h"

/* The exit code of a program that faulted; the text printed before says how. */
#define MCUQ_FAULT_EXIT 255u

/* Addresses made by the linker script: only the addresses mean something, sizes too are
 * the addresses of their symbols. */
extern uint32_t mcuq_data_load[];
extern uint32_t mcuq_data_start[];
extern uint32_t mcuq_data_end[];
extern uint32_t mcuq_bss_start[];
extern uint32_t mcuq_bss_end[];
extern uint32_t mcuq_stack_limit[];
extern uint32_t mcuq_stack_top[];
extern uint32_t mcuq_flash_start[];
extern uint32_t mcuq_flash_bytes[];
extern uint32_t mcuq_ram_start[];
extern uint32_t mcuq_ram_bytes[];

/* A memory by name beside flash and RAM: what is copied there, how many bytes are data, and its extent. */
typedef struct {
    const uint32_t *load;
    uint32_t *start;
    uint32_t copied_bytes;
    uint32_t data_bytes;
    uint32_t origin;
    uint32_t bytes;
} mcuq_placed_memory;
extern const mcuq_placed_memory mcuq_placed_start[];
extern const mcuq_placed_memory mcuq_placed_end[];

int main(void);

/* Gives static objects their first values. The bounds are multiples of eight, by the linker script. */
static inline void mcuq_init_memory(void)
{
    const uint32_t *from = mcuq_data_load;
    uint32_t *to;
    for (to = mcuq_data_start; to != mcuq_data_end; to++) {
        *to = *from++;
    }
    for (to = mcuq_bss_start; to != mcuq_bss_end; to++) {
        *to = 0u;
    }
}

/* Copies code and constants to the memories by name, before they are protected. */
static inline void mcuq_init_placed(void)
{
    const mcuq_placed_memory *each;
    for (each = mcuq_placed_start; each != mcuq_placed_end; each++) {
        uint32_t word;
        for (word = 0u; word < each->copied_bytes / 4u; word++) {
            each->start[word] = each->load[word];
        }
    }
}

/* Prints " name=0x01234567". */
static inline void mcuq_print_hex(const char *name, uint32_t value)
{
    char digits[9];
    int place;
    for (place = 7; place >= 0; place--) {
        const uint32_t digit = value & 15u;
        digits[place] = (char)((digit < 10u) ? ('0' + (int)digit) : ('a' + (int)digit - 10));
        value >>= 4;
    }
    digits[8] = '\0';
    mcuq_semihosting_print(" ");
    mcuq_semihosting_print(name);
    mcuq_semihosting_print("=0x");
    mcuq_semihosting_print(digits);
}

#endif
