"""Kernels for cores with the vector instructions of Armv8.1-M (MVE, "Helium"): 16 products in one."""
