/* From reset to main on a board with a Cortex-M: vectors, static objects, board_init. */
#include "board.h"
#include "board_config.h"
#if defined(MCUQ_EMULATED)
#include "semihosting.h"
#endif

/* Made by sections.ld: only the addresses mean something. */
extern uint32_t mcuq_data_load[];
extern uint32_t mcuq_data_start[];
extern uint32_t mcuq_data_end[];
extern uint32_t mcuq_bss_start[];
extern uint32_t mcuq_bss_end[];
extern uint32_t mcuq_stack_top[];

/* What is copied to a memory by name; words of placed_table.ld. */
struct placed_memory {
    const uint32_t *load;
    uint32_t *start;
    uint32_t bytes;
};
extern const struct placed_memory mcuq_placed_start[];
extern const struct placed_memory mcuq_placed_end[];

int main(void);
void mcuq_reset(void);
void mcuq_start(void);
void mcuq_fault(void);
void board_interrupt(void);
/* mcuq_timer.c has one. */
void mcuq_systick(void) __attribute__((weak, alias("mcuq_fault")));

struct vector_table {
    const void *stack_top;
    void (*handlers[15])(void);
    void (*interrupts[BOARD_INTERRUPT + 1])(void);
};

/* Source: Armv6-M, Armv7-M and Armv8-M Architecture Reference Manuals, exception model. */
__attribute__((section(".vectors"), used)) const struct vector_table mcuq_vectors = {
    mcuq_stack_top,
    {mcuq_reset, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault,
     mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_systick},
    {[BOARD_INTERRUPT] = board_interrupt},
};

#if defined(BOARD_RUNS_FROM_RAM)
#define RESET_SECTION ".first"
#else
#define RESET_SECTION ".text.reset"
#endif

/*
 * What jumps here for an image in RAM sets neither stack nor vectors. Assembly, because compiled code may use
 * the FPU before its first statement: CPACR opens coprocessors 10 and 11.
 */
__attribute__((naked, noreturn, used, section(RESET_SECTION))) void mcuq_reset(void)
{
    __asm__ volatile("ldr r0, =mcuq_vectors\n\t"
                     "ldr r1, =0xE000ED08\n\t" /* VTOR */
                     "str r0, [r1]\n\t"
                     "ldr r0, =mcuq_stack_top\n\t"
                     "mov sp, r0\n\t"
#if defined(__ARM_FP)
                     "ldr r0, =0xE000ED88\n\t"
                     "ldr r1, [r0]\n\t"
                     "ldr r2, =0x00F00000\n\t"
                     "orrs r1, r2\n\t"
                     "str r1, [r0]\n\t"
                     "dsb\n\t"
                     "isb\n\t"
#endif
                     "bl mcuq_start\n\t"
                     ".ltorg");
}

static void copy_placed(void)
{
    for (const struct placed_memory *each = mcuq_placed_start; each != mcuq_placed_end; each++) {
        for (uint32_t word = 0U; word < (each->bytes / 4U); word++) {
            each->start[word] = each->load[word];
        }
    }
#if __ARM_ARCH >= 7
    __asm__ volatile("dsb\n\tisb" ::: "memory"); /* what is copied may be code */
#endif
}

__attribute__((used)) void mcuq_start(void)
{
    const uint32_t *from = mcuq_data_load;
    for (uint32_t *to = mcuq_data_start; to != mcuq_data_end; to++) {
        *to = *from;
        from++;
    }
    for (uint32_t *to = mcuq_bss_start; to != mcuq_bss_end; to++) {
        *to = 0U;
    }
    board_init();
    /* Memories that the board has to switch on are there now. */
    copy_placed();
    board_exit(main());
}

/* A fault: a debugger finds the processor here. */
__attribute__((used)) void mcuq_fault(void)
{
    board_exit(255);
}

void board_lock(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
}

void board_unlock(void)
{
    __asm__ volatile("cpsie i" ::: "memory");
}

void board_sleep(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

void board_exit(int code)
{
#if defined(MCUQ_EMULATED)
    mcuq_semihosting_exit((uint32_t)code);
#endif
    (void)code;
    for (;;) {
        board_sleep();
    }
}
