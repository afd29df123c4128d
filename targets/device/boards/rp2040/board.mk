# Raspberry Pi Pico (RP2040).
BOARD_FLAGS := -mcpu=cortex-m0plus -mthumb
BOARD_SOURCES := $(DEVICE)/boards/rp2040/board.c
FLASHER = picotool load -x $(BUILD)/image.elf
