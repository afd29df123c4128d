"""Quantization parameters from and to other tools."""
