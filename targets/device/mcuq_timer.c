/*
 * Cycles of the core: the DWT unit of Cortex-M3 and larger, mcycle on RISC-V, and else SysTick, which every
 * Cortex-M has and emulators have too. Source: Armv6-M, Armv7-M and Armv8-M Architecture Reference Manuals.
 */
#include "mcuq_device.h"

#if defined(__arm__)

#define DEMCR (*(volatile uint32_t *)0xE000EDFCU)
#define DEMCR_TRCENA (1UL << 24)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000U)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004U)
#define DWT_CYCCNTENA 1UL
#define SYST_CSR (*(volatile uint32_t *)0xE000E010U)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014U)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018U)
#define SYST_RUN 7UL /* the core's clock, an interrupt at zero, on */
#define SYST_MOST 0xFFFFFFUL

void mcuq_systick(void);

static volatile uint32_t wraps; /* of SysTick's 24 bits */
static int is_dwt;

void mcuq_systick(void)
{
    wraps++;
}

static int start_dwt(void)
{
#if __ARM_ARCH >= 7
    DEMCR |= DEMCR_TRCENA;
    DWT_CYCCNT = 0U;
    DWT_CTRL |= DWT_CYCCNTENA;
    /* Some cores have none, and emulators answer with zero: it counts, or it is not there. */
    for (uint32_t tries = 0U; tries < 100U; tries++) {
        if (DWT_CYCCNT != 0U) {
            return 1;
        }
    }
#endif
    return 0;
}

const char *mcuq_timer_start(void)
{
    is_dwt = start_dwt();
    if (is_dwt == 0) {
        wraps = 0U;
        SYST_RVR = SYST_MOST;
        SYST_CVR = 0U;
        SYST_CSR = SYST_RUN;
    }
#if defined(MCUQ_EMULATED)
    return "emulator";
#else
    return (is_dwt != 0) ? "dwt" : "systick";
#endif
}

uint32_t mcuq_timer_read(void)
{
    if (is_dwt != 0) {
        return DWT_CYCCNT;
    }
    for (;;) {
        const uint32_t before = wraps;
        const uint32_t value = SYST_MOST - (SYST_CVR & SYST_MOST);
        if (before == wraps) {
            return (before << 24) + value;
        }
    }
}

#elif defined(__riscv)

const char *mcuq_timer_start(void)
{
    /* Whatever counts may have been stopped: mcountinhibit, by its number for older assemblers. */
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrw 0x320, zero\n\t.option pop");
#if defined(MCUQ_EMULATED)
    return "emulator";
#else
    return "mcycle";
#endif
}

uint32_t mcuq_timer_read(void)
{
    uint32_t cycles;
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, mcycle\n\t.option pop" : "=r"(cycles));
    return cycles;
}

#else

#include <time.h>

const char *mcuq_timer_start(void)
{
    return "clock";
}

uint32_t mcuq_timer_read(void)
{
    return (uint32_t)clock();
}

#endif
