# Arm MPS2 with the FPGA image AN386 (Cortex-M4), as QEMU models it.
BOARD_FLAGS := -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard
BOARD_SOURCES := $(DEVICE)/boards/mps2-an386/board.c
BOARD_DEFINES := -DMCUQ_EMULATED
EMULATOR := qemu-system-arm -M mps2-an386 -display none -monitor none -serial stdio -semihosting -kernel
