/*
 * Nordic nRF51 and nRF52: the UART without DMA, which both families have at the same place.
 * Source: Nordic Semiconductor, nRF51 Series Reference Manual and nRF52840 Product Specification, CLOCK and UART.
 */
#include "board.h"
#include "board_config.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CLOCK_TASKS_HFCLKSTART REGISTER(0x40000000U)
#define CLOCK_EVENTS_HFCLKSTARTED REGISTER(0x40000100U)
#define UART_TASKS_STARTRX REGISTER(0x40002000U)
#define UART_TASKS_STARTTX REGISTER(0x40002008U)
#define UART_EVENTS_RXDRDY REGISTER(0x40002108U)
#define UART_EVENTS_TXDRDY REGISTER(0x4000211CU)
#define UART_INTENSET REGISTER(0x40002304U)
#define UART_INTENCLR REGISTER(0x40002308U)
#define UART_INT_RXDRDY 4U
#define UART_ENABLE REGISTER(0x40002500U)
#define UART_ENABLE_UART 4U
#define UART_PSELTXD REGISTER(0x4000250CU)
#define UART_PSELRXD REGISTER(0x40002514U)
#define UART_RXD REGISTER(0x40002518U)
#define UART_TXD REGISTER(0x4000251CU)
#define UART_BAUDRATE REGISTER(0x40002524U)
#define UART_BAUDRATE_115200 0x01D7E000U
#define PORT_OUTSET REGISTER(0x50000508U)
#define PORT_DIRSET REGISTER(0x50000518U)
#define NVIC_ISER REGISTER(0xE000E100U)
#define NVIC_ISPR REGISTER(0xE000E200U)

void board_interrupt(void);

void board_init(void)
{
    /* The crystal: the internal oscillator is not exact enough for a serial line. */
    CLOCK_TASKS_HFCLKSTART = 1U;
    while (CLOCK_EVENTS_HFCLKSTARTED == 0U) {
        /* less than a millisecond */
    }
    PORT_OUTSET = 1UL << BOARD_PIN_TXD;
    PORT_DIRSET = 1UL << BOARD_PIN_TXD;
    UART_PSELTXD = BOARD_PIN_TXD;
    UART_PSELRXD = BOARD_PIN_RXD;
    UART_BAUDRATE = UART_BAUDRATE_115200;
    UART_ENABLE = UART_ENABLE_UART;
    UART_TASKS_STARTTX = 1U;
    UART_TASKS_STARTRX = 1U;
    NVIC_ISER = 1U << BOARD_INTERRUPT;
}

uint32_t board_clock_hz(void)
{
    return BOARD_CLOCK_HZ;
}

void board_put(uint8_t byte)
{
    UART_EVENTS_TXDRDY = 0U;
    UART_TXD = byte;
    while (UART_EVENTS_TXDRDY == 0U) {
        /* it is being sent */
    }
}

void board_receive(void)
{
    NVIC_ISPR = 1U << BOARD_INTERRUPT;
}

/* What comes meanwhile waits in six bytes of the UART, and makes the event anew. */
void board_interrupt(void)
{
    UART_INTENCLR = UART_INT_RXDRDY;
    while (UART_EVENTS_RXDRDY != 0U) {
        UART_EVENTS_RXDRDY = 0U;
        if (board_take((uint8_t)UART_RXD) == 0) {
            return;
        }
    }
    UART_INTENSET = UART_INT_RXDRDY;
}
