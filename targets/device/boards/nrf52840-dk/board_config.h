/* UART 0, on the pins that the DK's debug probe listens to. Source: nRF52840 DK hardware guide. */
#define BOARD_INTERRUPT 2
#define BOARD_PIN_TXD 6U
#define BOARD_PIN_RXD 8U
#define BOARD_CLOCK_HZ 64000000U
