/* UART 0. Source: RP2040 Datasheet, interrupts. */
#define BOARD_INTERRUPT 20
/* The image is loaded into RAM: nothing is written to flash, and no second stage boot loader is needed. */
#define BOARD_RUNS_FROM_RAM 1
