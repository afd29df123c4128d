/* A board of which only its memories are known: it keeps the clock that it starts with, and has no serial line. */
#include "board.h"

void board_interrupt(void);

void board_init(void)
{
}

/* Cycles can be counted, not turned into time. */
uint32_t board_clock_hz(void)
{
    return 1000000U;
}

void board_put(uint8_t byte)
{
    (void)byte;
}

void board_receive(void)
{
}

void board_interrupt(void)
{
    board_exit(255);
}
