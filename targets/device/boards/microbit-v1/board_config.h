/* UART 0, on the pins that the board's debug probe listens to. Source: BBC micro:bit V1 schematic. */
#define BOARD_INTERRUPT 2
#define BOARD_PIN_TXD 24U
#define BOARD_PIN_RXD 25U
#define BOARD_CLOCK_HZ 16000000U
