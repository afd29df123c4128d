"""Lifetimes, schedule, offsets, and an independent check of them."""
