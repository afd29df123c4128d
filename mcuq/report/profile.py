"""A profile as a table and lines."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table

from mcuq.codegen.names import comment_text
from mcuq.device.measured import MeasuredCycles
from mcuq.profile.result import Profile


def profile_table(profile: Profile, measured: MeasuredCycles | None = None) -> Table:
    """One row per layer.

    Args:
        profile: what the emulated core counts and the model says.
        measured: what a device counted, for columns beside those.
    """
    table = Table(box=box.SIMPLE_HEAD)
    is_modelled = profile.flash_mode is not None
    titles = ("#", "layer", "op", "MACs", "instructions", *(("zero wait",) if is_modelled else ()))
    beside = () if measured is None else ("measured", "of cycles")
    for title in (*titles, "cycles", *beside, "cycles/MAC", "share", "kernel"):
        table.add_column(title, justify="left" if title in ("layer", "op", "kernel") else "right")
    whole = profile.cycles or profile.instructions
    for index, layer in enumerate(profile.layers):
        table.add_row(
            str(index),
            comment_text(layer.name),
            layer.op,
            f"{layer.macs:,}",
            f"{layer.instructions:,}",
            *((f"{layer.zero_wait_cycles:,}",) if is_modelled else ()),
            "-" if layer.cycles is None else f"{layer.cycles:,}",
            *(() if measured is None else _beside(measured.cycles[index], layer.cycles)),
            "-" if layer.cycles is None or not layer.macs else f"{layer.cycles / layer.macs:.2f}",
            f"{layer.time / whole:.1%}",
            layer.kernel,
        )
    return table


def _beside(measured: int, modelled: int | None) -> tuple[str, str]:
    """What was measured, and its part of what the model says."""
    return f"{measured:,}", "-" if not modelled else f"{measured / modelled:.1%}"


def measured_line(profile: Profile, measured: MeasuredCycles) -> str:
    """What a device took for the whole, beside the model."""
    text = f"measured: {measured.total:,} cycles ({measured.timer})"
    modelled = sum(layer.cycles or 0 for layer in profile.layers)
    if modelled:
        text += f", {measured.total / modelled:.1%} of the model's {modelled:,}"
    if profile.clock_hz is not None:
        text += f", {1e3 * measured.total / profile.clock_hz:.2f} ms at {profile.clock_hz / 1e6:g} MHz"
    return text


def profile_lines(profile: Profile) -> Iterator[str]:
    """The lines below the table."""
    cycles = "no cycle estimate" if profile.cycles is None else f"{profile.cycles:,} cycles"
    if profile.cycles is not None and profile.macs:
        cycles += f", {profile.cycles / profile.macs:.2f} per MAC"
    if profile.flash_mode is not None:
        cycles += f" ({profile.zero_wait_cycles:,} at zero wait states)"
    yield f"one run: {profile.macs:,} MACs, {profile.instructions:,} instructions, {cycles}"
    if profile.latency_ms is not None and profile.clock_hz is not None:
        yield f"latency: {profile.latency_ms:.2f} ms at {profile.clock_hz / 1e6:g} MHz"
    flash = profile.flash
    parts = [
        f"{flash.code:,} B code",
        f"{flash.weights:,} B weights and tables",
        f"{flash.parameters:,} B parameters",
    ]
    parts += [f"{flash.library:,} B compiler's library"] if flash.library else []
    parts += [f"{flash.memory_functions:,} B memcpy and memset"] if flash.memory_functions else []
    yield f"flash: {flash.total:,} B: {', '.join(parts)}"
    yield (
        f"RAM: {profile.arena_bytes:,} B arena, {profile.io_bytes:,} B input and output, "
        f"{profile.stack_bytes:,} B stack ({profile.stack_painted_bytes:,} B used in a run)"
    )
    core = profile.core if profile.board is None else f"{profile.core} of {profile.board}"
    yield f"{core}, {profile.toolchain}, {profile.flags}; {profile.note}"
