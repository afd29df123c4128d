# Nordic nRF52840 DK.
BOARD_FLAGS := -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard
BOARD_SOURCES := $(DEVICE)/boards/nordic/uart.c
FLASHER = nrfjprog --program $(BUILD)/image.hex --sectorerase --verify --reset
