/* From reset to main on Cortex-M, and from a fault to a report. */
#include "startup.h"

/* System control space. Source: Armv7-M and Armv8-M Architecture Reference Manuals. */
#define CFSR (*(volatile const uint32_t *)0xE000ED28u)
#define MMFAR (*(volatile const uint32_t *)0xE000ED34u)
#define BFAR (*(volatile const uint32_t *)0xE000ED38u)
#define MPU_TYPE (*(volatile const uint32_t *)0xE000ED90u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u) /* Armv6-M and Armv7-M */
#define MPU_RLAR (*(volatile uint32_t *)0xE000EDA0u) /* Armv8-M, the same address */
#define MPU_MAIR0 (*(volatile uint32_t *)0xE000EDC0u)

/* Words of the frame that the core pushes when it takes an exception. */
#define FRAME_WORDS 8u
#define FRAME_LR 5u
#define FRAME_PC 6u

void mcuq_reset(void);
void mcuq_fault(void);
/* Programs that count with SysTick define it; nothing else starts SysTick. */
void mcuq_systick(void) __attribute__((weak, noreturn, alias("mcuq_fault")));
void mcuq_start(void);
void mcuq_report_fault(const uint32_t *frame, uint32_t vector);

struct vector_table {
    const void *stack_top;
    void (*handlers[15])(void);
};

__attribute__((section(".vectors"), used)) const struct vector_table mcuq_vectors = {
    mcuq_stack_top,
    {mcuq_reset, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault,
     mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_fault, mcuq_systick},
};

/* Assembly, because compiled code may use FPU or vector registers before its first statement:
 * CPACR gives full access to coprocessors 10 and 11, which are the FPU and MVE. */
__attribute__((naked, noreturn)) void mcuq_reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    __asm__ volatile("ldr r0, =0xE000ED88\n\t"
                     "ldr r1, [r0]\n\t"
                     "ldr r2, =0x00F00000\n\t"
                     "orrs r1, r2\n\t"
                     "str r1, [r0]\n\t"
                     "dsb\n\t"
                     "isb");
#endif
    __asm__ volatile("bl mcuq_start\n\t"
                     ".ltorg");
}

/* Makes a range of memory accessible: executable, writable, or both; what is not written is read-only. */
static void open_region(uint32_t number, uintptr_t start, uint32_t bytes, uint32_t is_code, uint32_t is_data)
{
    MPU_RNR = number;
#if __ARM_ARCH >= 8
    /* Access bits: 3 read-only, 1 read and write; bit 0 forbids execution. Attributes: index 0. */
    MPU_RBAR = (uint32_t)start | ((is_data != 0u) ? 2u : 6u) | ((is_code != 0u) ? 0u : 1u);
    MPU_RLAR = (((uint32_t)start + bytes - 1u) & ~31u) | 1u;
#else
    {
        uint32_t log2 = 5u;
        while (((uint32_t)1u << log2) < bytes) {
            log2++;
        }
        /* Normal cached memory; access bits: 6 read-only, 3 read and write; bit 28 forbids execution. */
        MPU_RBAR = (uint32_t)start;
        MPU_RASR = 0x000B0000u | ((is_data != 0u) ? 0x03000000u : 0x06000000u) |
                   ((is_code != 0u) ? 0u : 0x10000000u) | ((log2 - 1u) << 1) | 1u;
    }
#endif
}

/* Leaves nothing accessible but the memories of the image, and the flash read-only: what a real part
 * answers with a fault and QEMU's machines do not. Unicorn and the microbit have no MPU. */
static void protect_memory(void)
{
    const mcuq_placed_memory *each;
    uint32_t number = 2u;
    if ((MPU_TYPE & 0xFF00u) == 0u) {
        return;
    }
#if __ARM_ARCH >= 8
    MPU_MAIR0 = 0xFFu; /* attribute 0: normal memory */
#endif
    open_region(0u, (uintptr_t)mcuq_flash_start, (uint32_t)(uintptr_t)mcuq_flash_bytes, 1u, 0u);
    open_region(1u, (uintptr_t)mcuq_ram_start, (uint32_t)(uintptr_t)mcuq_ram_bytes, 0u, 1u);
    for (each = mcuq_placed_start; each != mcuq_placed_end; each++) {
        if ((each->copied_bytes + each->data_bytes) != 0u) {
            open_region(number, each->origin, each->bytes, each->copied_bytes, each->data_bytes);
            number++;
        }
    }
    MPU_CTRL = 1u;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

__attribute__((used)) void mcuq_start(void)
{
    mcuq_init_placed();
    protect_memory();
    mcuq_init_memory();
    mcuq_semihosting_exit((uint32_t)main());
}

/* The frame is where the stack pointer was; the report runs on a fresh stack, because the old one may
 * be what is broken. */
__attribute__((naked, noreturn)) void mcuq_fault(void)
{
    __asm__ volatile("mov r0, sp\n\t"
                     "mrs r1, ipsr\n\t"
                     "ldr r2, =mcuq_stack_top\n\t"
                     "mov sp, r2\n\t"
                     "bl mcuq_report_fault\n\t"
                     ".ltorg");
}

__attribute__((used)) void mcuq_report_fault(const uint32_t *frame, uint32_t vector)
{
    /* A frame outside of the stack cannot be read, that would fault again: the PC says so by a value
     * it cannot have. */
    uint32_t saved[2] = {0xFFFFFFFFu, 0u};
    if (((uintptr_t)frame >= (uintptr_t)mcuq_stack_limit) &&
        ((uintptr_t)frame <= (uintptr_t)mcuq_stack_top - (FRAME_WORDS * 4u))) {
        saved[0] = frame[FRAME_PC];
        saved[1] = frame[FRAME_LR];
    }
    mcuq_semihosting_print("mcuq-fault");
    mcuq_print_hex("pc", saved[0]);
    mcuq_print_hex("lr", saved[1]);
    mcuq_print_hex("vector", vector);
#if __ARM_ARCH >= 7
    mcuq_print_hex("cfsr", CFSR);
    mcuq_print_hex("mmfar", MMFAR);
    mcuq_print_hex("bfar", BFAR);
#endif
    mcuq_semihosting_print("\n");
    mcuq_semihosting_exit(MCUQ_FAULT_EXIT);
}
