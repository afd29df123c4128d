"""A network built for every aim: what each costs in cycles, flash and work memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import mcuq
from mcu.anchors import BARS, Bars
from mcu.networks import CORE, Measured, measure
from mcu.tables import table, verdict
from mcuq.ir.program import Optimize
from mcuq.options import QuantOptions
from mcuq.pipeline.firmware import Firmware


@dataclasses.dataclass(frozen=True)
class ModeResult:
    """A network built for one aim.

    Args:
        network: its name.
        optimize: the aim.
        measured: on the Cortex-M4.
    """

    network: str
    optimize: Optimize
    measured: Measured


def measure_modes(firmware: Mapping[str, Firmware], folder: Path) -> Iterator[ModeResult]:
    """Build each network for each aim, and measure it.

    Args:
        firmware: by name: their stored programs are built again.
        folder: for what is built.
    """
    for name, each in firmware.items():
        stored = each.directory / f"{each.name}.mcuq.npz"
        for optimize in Optimize:
            output = folder / f"{name}-{optimize.value}"
            options = QuantOptions(optimize=optimize.value)
            mcuq.build(stored, CORE, output=output, name=each.name, verify="none", options=options)
            yield ModeResult(name, optimize, measure(mcuq.open_firmware(output)))


def modes_section(results: Iterator[ModeResult]) -> Iterator[str]:
    """All aims in one table, and what they are held to."""
    yield from (
        "## What `--optimize` gives",
        "",
        "On the Cortex-M4 at zero wait states; flash is what the linker puts there, arena is work memory",
        "with scratch. Every build computes the same codes.",
        "",
    )
    rows, bars = [], []
    for each in results:
        profile = each.measured.profile
        figures = (each.measured.cycles, profile.flash.total, profile.arena_bytes, profile.stack_bytes)
        rows.append((each.network, each.optimize.value, *(f"{value:,}" for value in figures)))
        bars += list(_bars(each))
    yield from table(("network", "optimize", "cycles", "flash, B", "arena, B", "stack, B"), rows)
    yield ""
    yield from table(("network", "bar", "measured", "limit", "verdict"), bars)
    yield ""


def _bars(result: ModeResult) -> Iterator[tuple[str, ...]]:
    measured = {"cycles": result.measured.cycles, "arena, B": result.measured.profile.arena_bytes}
    for what, limits in _limits(BARS[result.network], result.optimize).items():
        for kind, limit in zip(("must", "aim"), limits, strict=True):
            found = measured[what]
            title = f"{result.optimize.value}, {what}, {kind}"
            yield result.network, title, f"{found:,}", f"{limit:,}", verdict(found, limit)


def _limits(bars: Bars, optimize: Optimize) -> dict[str, tuple[int, int]]:
    if optimize is Optimize.SPEED:
        return {"cycles": bars.speed_cycles}
    if optimize.value == "ram" and bars.ram_arena is not None:
        return {"arena, B": bars.ram_arena}
    return {}
