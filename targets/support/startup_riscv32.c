/* From reset to main on RV32, machine mode, and from a trap to a report. */
#include "startup.h"

void mcuq_reset(void);
void mcuq_trap(void);
void mcuq_start(void);
void mcuq_report_trap(uint32_t pc, uint32_t cause, uint32_t value, uint32_t ra);

/* The arguments are in a0 and a1 already. Three uncompressed instructions, of which the shifts into x0
 * do nothing but mark the request; they have to lie in one page of memory, as 12 bytes from a multiple
 * of 16 do. */
__attribute__((naked, aligned(16))) int32_t
mcuq_semihosting(__attribute__((unused)) uint32_t operation,
                 __attribute__((unused)) const void *parameters)
{
    __asm__ volatile(".option push\n\t"
                     ".option norvc\n\t"
                     "slli x0, x0, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai x0, x0, 7\n\t"
                     ".option pop\n\t"
                     "ret");
}

/* Has to be the first code of the image: without firmware the core starts there. Physical memory
 * protection makes the flash region readable and executable only; the lock bit extends that to
 * machine mode. */
__attribute__((naked, noreturn, used, section(".vectors"))) void mcuq_reset(void)
{
    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     ".option norelax\n\t"
                     "la sp, mcuq_stack_top\n\t"
                     "la t0, mcuq_trap\n\t"
                     "csrw mtvec, t0\n\t"
                     "lui t0, %hi(mcuq_flash_pmp)\n\t"
                     "addi t0, t0, %lo(mcuq_flash_pmp)\n\t"
                     "csrw pmpaddr0, t0\n\t"
                     "li t0, 0x9d\n\t"
                     "csrw pmpcfg0, t0\n\t"
                     "j mcuq_start\n\t"
                     ".option pop");
}

__attribute__((used)) void mcuq_start(void)
{
    mcuq_init_memory();
    mcuq_semihosting_exit((uint32_t)main());
}

/* mtvec needs a multiple of four. The report runs on a fresh stack: the old one may be broken. */
__attribute__((naked, noreturn, used, aligned(4))) void mcuq_trap(void)
{
    __asm__ volatile(".option push\n\t"
                     ".option arch, +zicsr\n\t"
                     "csrr a0, mepc\n\t"
                     "csrr a1, mcause\n\t"
                     "csrr a2, mtval\n\t"
                     "mv a3, ra\n\t"
                     "la sp, mcuq_stack_top\n\t"
                     "j mcuq_report_trap\n\t"
                     ".option pop");
}

__attribute__((used)) void mcuq_report_trap(uint32_t pc, uint32_t cause, uint32_t value, uint32_t ra)
{
    mcuq_semihosting_print("mcuq-fault");
    mcuq_print_hex("pc", pc);
    mcuq_print_hex("lr", ra);
    mcuq_print_hex("mcause", cause);
    mcuq_print_hex("mtval", value);
    mcuq_semihosting_print("\n");
    mcuq_semihosting_exit(MCUQ_FAULT_EXIT);
}
