/* Arm MPS2, AN386: the UART of the Cortex-M System Design Kit. Source: AN386; Arm DDI 0479, APB UART. */
#include "board.h"
#include "board_config.h"

#define UART_DATA (*(volatile uint32_t *)0x40004000U)
#define UART_STATE (*(volatile const uint32_t *)0x40004004U)
#define UART_STATE_FULL 1U     /* no room to send */
#define UART_STATE_RECEIVED 2U /* a byte is there */
#define UART_CTRL (*(volatile uint32_t *)0x40004008U)
#define UART_CTRL_SEND 1U
#define UART_CTRL_RECEIVE 2U
#define UART_CTRL_INTERRUPT 8U /* for what is received */
#define UART_INTCLEAR (*(volatile uint32_t *)0x4000400CU)
#define UART_INTCLEAR_RECEIVED 2U
#define UART_BAUDDIV (*(volatile uint32_t *)0x40004010U)
#define NVIC_ISER (*(volatile uint32_t *)0xE000E100U)
#define NVIC_ISPR (*(volatile uint32_t *)0xE000E200U)
#define CLOCK_HZ 25000000U
#define BAUD 115200U

void board_interrupt(void);

void board_init(void)
{
    UART_BAUDDIV = CLOCK_HZ / BAUD;
    UART_CTRL = UART_CTRL_SEND | UART_CTRL_RECEIVE;
    NVIC_ISER = 1U << BOARD_INTERRUPT;
}

uint32_t board_clock_hz(void)
{
    return CLOCK_HZ;
}

void board_put(uint8_t byte)
{
    while ((UART_STATE & UART_STATE_FULL) != 0U) {
        /* it is being sent */
    }
    UART_DATA = byte;
}

void board_receive(void)
{
    NVIC_ISPR = 1U << BOARD_INTERRUPT;
}

/* A byte that came while the interrupt was off makes none: it is looked for once more. */
void board_interrupt(void)
{
    do {
        UART_CTRL = UART_CTRL_SEND | UART_CTRL_RECEIVE;
        while ((UART_STATE & UART_STATE_RECEIVED) != 0U) {
            UART_INTCLEAR = UART_INTCLEAR_RECEIVED;
            if (board_take((uint8_t)UART_DATA) == 0) {
                return;
            }
        }
        UART_CTRL = UART_CTRL_SEND | UART_CTRL_RECEIVE | UART_CTRL_INTERRUPT;
    } while ((UART_STATE & UART_STATE_RECEIVED) != 0U);
}
