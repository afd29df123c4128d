"""Kernels for cores with DSP instructions (Armv7E-M, Armv8-M with DSP): two products per instruction."""
