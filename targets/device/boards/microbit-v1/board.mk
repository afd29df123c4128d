# BBC micro:bit, the first version (nRF51822), as QEMU models it too.
BOARD_FLAGS := -mcpu=cortex-m0plus -mthumb
BOARD_SOURCES := $(DEVICE)/boards/nordic/uart.c
BOARD_DEFINES := $(if $(EMULATED),-DMCUQ_EMULATED)
EMULATOR := qemu-system-arm -M microbit -display none -monitor none -serial stdio -semihosting -kernel
FLASHER = pyocd load -t nrf51 $(BUILD)/image.hex
