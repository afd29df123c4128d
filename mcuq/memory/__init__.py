"""Lifetimes, schedule, offsets, and an independent check of them."""

from mcuq.memory.check import check_memory
from mcuq.memory.planner import plan_memory

__all__ = ["check_memory", "plan_memory"]
