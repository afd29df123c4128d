"""Algorithms that choose the integer weights of one layer."""
