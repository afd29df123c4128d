/*
 * What examples and self-tests ask of a board: its clock, a serial line, and a way to stop. One file for each
 * board in boards/ answers; a product has all of this already, and needs none of these files.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

/* Starts clocks and the serial line: 115200 baud, 8 bits, no parity, 1 stop bit. Called before main. */
void board_init(void);

/* What the core runs at. */
uint32_t board_clock_hz(void);

/* Sends one byte; waits until there is room for it. */
void board_put(uint8_t byte);

/* Yours: takes one byte that was received, in an interrupt. Returns 0 when no more may come for now. */
int board_take(uint8_t byte);

/* Bytes may come: at the beginning, and again behind a board_take that returned 0. */
void board_receive(void);

/* Between the two no interrupt is taken; board_sleep then ends when one is due, and none is missed. */
void board_lock(void);
void board_unlock(void);

/* Waits for an interrupt. */
void board_sleep(void);

/* The end: emulators return this code, boards sleep for ever. */
void board_exit(int code);

#endif
