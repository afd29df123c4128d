"""Kernels in plain C99 for any core; together they accept every step."""
