"""What firmware costs: instructions, estimated cycles, flash, RAM and stack, without a board."""
