/* LPUART 1, which the board's debug probe listens to. Source: STMicroelectronics UM2179 and RM0432. */
#define BOARD_INTERRUPT 70
