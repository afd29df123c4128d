/* UART 0 receives. */
#define BOARD_INTERRUPT 0
