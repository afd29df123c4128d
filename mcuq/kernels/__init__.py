"""Kernel variants: which steps they accept and how they are called."""
