"""Kernels for Armv6-M: products of 32 bits, no multiply and add, eight registers for most instructions."""
