"""A self-test on a device in words."""

from __future__ import annotations

from mcuq.device.compare import Comparison


def comparison_line(comparison: Comparison) -> str:
    """One line about a log in which nothing differs."""
    log = comparison.log
    return f"{log.name}: {log.vectors} vectors, {log.layers} layers each, every checksum as in the simulator"
