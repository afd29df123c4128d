"""Lifetimes, schedule, offsets, and an independent check of them."""

from mcuq.memory.check import check_memory
from mcuq.memory.planner import plan_memory
from mcuq.memory.schedule import live_peak

__all__ = ["check_memory", "live_peak", "plan_memory"]
