# Builds an image for a board. Set before the include:
#   BOARD    a folder of boards/
#   DEVICE   this folder
#   SUPPORT  where memory.c and semihosting.h are
#   MODEL    a firmware folder of `mcuq build`
#   NAME     its C name
#   SOURCES  of the application
#   BUILD    where objects go
#   DEFINES  -D options
SUPPORT ?= $(DEVICE)/../support
include $(DEVICE)/boards/$(BOARD)/board.mk

CROSS ?= arm-none-eabi-
OPT ?= -O2
CC := $(CROSS)gcc
OBJECTS := $(addprefix $(BUILD)/,$(notdir $(patsubst %.c,%.o,$(SOURCES) $(BOARD_SOURCES)))) \
	$(BUILD)/startup.o $(BUILD)/memory.o $(BUILD)/$(NAME).o $(BUILD)/$(NAME)_weights.o
VPATH := $(sort $(dir $(SOURCES) $(BOARD_SOURCES))) $(DEVICE) $(SUPPORT) $(MODEL)/src
CFLAGS += $(BOARD_FLAGS) $(OPT) -std=c99 -Wall -Wextra -ffreestanding -ffunction-sections -fdata-sections \
	-I$(MODEL)/include -I$(MODEL)/src -I$(BUILD) -I$(DEVICE) -I$(DEVICE)/boards/$(BOARD) \
	-I$(SUPPORT) -I$(SUPPORT)/freestanding \
	$(DEFINES) $(BOARD_DEFINES)
LDFLAGS += $(BOARD_FLAGS) -nostdlib -static -T $(DEVICE)/boards/$(BOARD)/link.ld -L$(DEVICE) \
	-Wl,--gc-sections -Wl,--build-id=none -Wl,--print-memory-usage

.PHONY: image run flash clean
image: $(BUILD)/image.elf

$(BUILD)/image.elf: $(OBJECTS)
	$(CC) $(LDFLAGS) $(OBJECTS) -lgcc -o $@

$(BUILD)/image.hex: $(BUILD)/image.elf
	$(CROSS)objcopy -O ihex $< $@

# In QEMU, whose serial line is standard input and output.
run: $(BUILD)/image.elf
	@$(or $(EMULATOR),$(error QEMU has no machine for $(BOARD))) $<

# By the board's debug probe.
flash: $(BUILD)/image.elf $(BUILD)/image.hex
	$(or $(FLASHER),$(error $(BOARD) is emulated: make run))

clean:
	rm -rf $(BUILD)

# The loops of memcpy must not become calls of memcpy.
$(BUILD)/memory.o: CFLAGS += -fno-builtin -fno-tree-loop-distribute-patterns

$(BUILD)/%.o: %.c
	@mkdir -p $(BUILD)
	$(CC) $(CFLAGS) -c $< -o $@
