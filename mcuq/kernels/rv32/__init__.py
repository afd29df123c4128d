"""Kernels for RV32 with multiplication: 31 registers hold larger blocks."""
