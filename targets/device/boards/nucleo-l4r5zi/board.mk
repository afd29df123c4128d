# ST NUCLEO-L4R5ZI.
BOARD_FLAGS := -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard
BOARD_SOURCES := $(DEVICE)/boards/nucleo-l4r5zi/board.c
FLASHER = openocd -f board/st_nucleo_l4.cfg -c 'program $(BUILD)/image.elf verify reset exit'
