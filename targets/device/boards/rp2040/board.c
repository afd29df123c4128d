/* Raspberry Pi Pico: 125 MHz from the crystal, UART 0 on GPIO 0 and 1. Source: RP2040 Datasheet. */
#include "board.h"
#include "board_config.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
/* Another address of a register: bits that are written there are cleared. */
#define CLEAR(address) REGISTER((address) + 0x3000U)
#define RESETS_RESET 0x4000C000U
#define RESETS_DONE REGISTER(0x4000C008U)
#define RESETS_IO_BANK0 (1UL << 5)
#define RESETS_PADS_BANK0 (1UL << 8)
#define RESETS_PLL_SYS (1UL << 12)
#define RESETS_UART0 (1UL << 22)
#define XOSC_CTRL REGISTER(0x40024000U)
#define XOSC_CTRL_ON (0xFABUL << 12 | 0xAA0UL)
#define XOSC_STATUS REGISTER(0x40024004U)
#define XOSC_STATUS_STABLE (1UL << 31)
#define XOSC_STARTUP REGISTER(0x4002400CU)
#define XOSC_STARTUP_1MS 47U
#define PLL_CS REGISTER(0x40028000U)
#define PLL_CS_LOCK (1UL << 31)
#define PLL_PWR 0x40028004U
#define PLL_PWR_ON 0x21U        /* the loop and its oscillator */
#define PLL_PWR_DIVIDERS_ON 8U
#define PLL_FBDIV REGISTER(0x40028008U)
#define PLL_PRIM REGISTER(0x4002800CU)
#define CLK_REF_CTRL REGISTER(0x40008030U)
#define CLK_REF_SELECTED REGISTER(0x40008038U)
#define CLK_SYS_CTRL REGISTER(0x4000803CU)
#define CLK_SYS_SELECTED REGISTER(0x40008044U)
#define CLK_PERI_CTRL REGISTER(0x40008048U)
#define CLK_PERI_XOSC (1UL << 11 | 4UL << 5)
#define GPIO0_CTRL REGISTER(0x40014004U)
#define GPIO1_CTRL REGISTER(0x4001400CU)
#define GPIO_UART 2U
#define UART_DR REGISTER(0x40034000U)
#define UART_FR REGISTER(0x40034018U)
#define UART_FR_EMPTY (1UL << 4) /* nothing was received */
#define UART_FR_FULL (1UL << 5)  /* what is to be sent */
#define UART_IBRD REGISTER(0x40034024U)
#define UART_FBRD REGISTER(0x40034028U)
#define UART_LCR_H REGISTER(0x4003402CU)
#define UART_LCR_H_8BITS (3UL << 5 | 1UL << 4)
#define UART_CR REGISTER(0x40034030U)
#define UART_CR_ON (1UL << 9 | 1UL << 8 | 1UL)
#define UART_IMSC REGISTER(0x40034038U)
#define UART_INT_RECEIVED (1UL << 4 | 1UL << 6) /* the queue is half full, or has waited for 32 bits */
#define NVIC_ISER REGISTER(0xE000E100U)
#define NVIC_ISPR REGISTER(0xE000E200U)
#define XOSC_HZ 12000000U
#define CLOCK_HZ 125000000U
#define BAUD 115200U

void board_interrupt(void);

static void leave_reset(uint32_t units)
{
    CLEAR(RESETS_RESET) = units;
    while ((RESETS_DONE & units) != units) {
    }
}

static void start_clocks(void)
{
    XOSC_STARTUP = XOSC_STARTUP_1MS;
    XOSC_CTRL = XOSC_CTRL_ON;
    while ((XOSC_STATUS & XOSC_STATUS_STABLE) == 0U) {
    }
    /* The core runs from the crystal while the PLL starts: 12 MHz * 125 / 6 / 2. */
    CLK_REF_CTRL = 2U;
    while ((CLK_REF_SELECTED & (1UL << 2)) == 0U) {
    }
    CLK_SYS_CTRL = 0U;
    while ((CLK_SYS_SELECTED & 1U) == 0U) {
    }
    leave_reset(RESETS_PLL_SYS);
    PLL_CS = 1U;
    PLL_FBDIV = 125U;
    CLEAR(PLL_PWR) = PLL_PWR_ON;
    while ((PLL_CS & PLL_CS_LOCK) == 0U) {
    }
    PLL_PRIM = 6UL << 16 | 2UL << 12;
    CLEAR(PLL_PWR) = PLL_PWR_DIVIDERS_ON;
    CLK_SYS_CTRL = 1U;
    while ((CLK_SYS_SELECTED & 2U) == 0U) {
    }
    CLK_PERI_CTRL = CLK_PERI_XOSC;
}

void board_init(void)
{
    start_clocks();
    leave_reset(RESETS_IO_BANK0 | RESETS_PADS_BANK0 | RESETS_UART0);
    GPIO0_CTRL = GPIO_UART;
    GPIO1_CTRL = GPIO_UART;
    /* Sixty-fourths of what the clock is divided by, rounded. */
    const uint32_t divider = (XOSC_HZ * 4U + BAUD / 2U) / BAUD;
    UART_IBRD = divider / 64U;
    UART_FBRD = divider % 64U;
    UART_LCR_H = UART_LCR_H_8BITS;
    UART_CR = UART_CR_ON;
    NVIC_ISER = 1UL << BOARD_INTERRUPT;
}

uint32_t board_clock_hz(void)
{
    return CLOCK_HZ;
}

void board_put(uint8_t byte)
{
    while ((UART_FR & UART_FR_FULL) != 0U) {
        /* it is being sent */
    }
    UART_DR = byte;
}

void board_receive(void)
{
    NVIC_ISPR = 1UL << BOARD_INTERRUPT;
}

/* The queue of the UART is emptied: what comes later makes an interrupt anew. */
void board_interrupt(void)
{
    UART_IMSC = 0U;
    while ((UART_FR & UART_FR_EMPTY) == 0U) {
        if (board_take((uint8_t)UART_DR) == 0) {
            return;
        }
    }
    UART_IMSC = UART_INT_RECEIVED;
}
