"""Networks with activations of 16 bits beside the same with int8, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo import Entry

import mcuq
from mcu.anchors import BARS
from mcu.networks import Measured, build_network, measure
from mcu.tables import table, verdict
from mcuq.options import QuantOptions
from mcuq.pipeline.firmware import Firmware
from mcuq.profile.result import Profile

# Cycles of a whole network, in units of int8's.
MOST = 1.15
WIDE = QuantOptions(activation_bits=16)
# A core with vector instructions.
VECTORS = "cortex-m55"


def build_wide(entry: Entry, folder: Path) -> Firmware:
    """The network with activations of 16 bits for the Cortex-M4, otherwise with default options.

    Args:
        entry: the network.
        folder: for what is built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return build_network(entry, folder, WIDE)


def vector_section(pairs: Mapping[str, tuple[Firmware, Firmware]], folder: Path) -> Iterator[str]:
    """Instructions of the same programs on a core with vectors.

    Args:
        pairs: by network, with int8 and with 16 bits, for any core: their stored programs are built again.
        folder: for what is built.
    """
    yield from (
        f"`--activation-bits 16` beside int8 on the {VECTORS}, instructions counted by the emulator:",
        "",
    )
    head = ("network", "int8", "16x8", "16x8 / int8", "code, B", "arena, B", "stack, B")
    rows = []
    for name, pair in pairs.items():
        narrow, wide = (_on_vectors(each, folder / f"{name}{index}") for index, each in enumerate(pair))
        rest = (wide.code_bytes, wide.arena_bytes, wide.stack_bytes)
        counts = (narrow.instructions, wide.instructions)
        figures = (*(f"{count:,}" for count in counts), f"{counts[1] / counts[0]:.2f}")
        rows.append((BARS[name].title, *figures, *(f"{value:,}" for value in rest)))
    yield from table(head, rows)
    yield ""


def _on_vectors(firmware: Firmware, folder: Path) -> Profile:
    stored = firmware.directory / f"{firmware.name}.mcuq.npz"
    mcuq.build(stored, VECTORS, output=folder, name=firmware.name, verify="none")
    return measure(mcuq.open_firmware(folder)).profile


def wide_section(results: Mapping[str, tuple[Measured, Measured]]) -> Iterator[str]:
    """Totals, then layers.

    Args:
        results: by network, with int8 and with 16 bits.
    """
    yield from (
        "## Activations of 16 bits",
        "",
        "`--activation-bits 16` beside int8, on the Cortex-M4 at zero wait states. The inputs of all four",
        "networks stay int8.",
        "",
    )
    head = ("network", "int8", "16x8", "16x8 / int8", "must", "code, B", "arena, B", "stack, B")
    yield from table(head, [_total(name, *pair) for name, pair in results.items()])
    for name, (narrow, wide) in results.items():
        yield from ("", f"{BARS[name].title}, layers in the order of the program:", "")
        yield from table(
            ("step", "kernel", "MACs", "cycles", "per MAC", "int8", "16x8 / int8"), _layers(narrow, wide)
        )
    yield ""


def _total(name: str, narrow: Measured, wide: Measured) -> tuple[str, ...]:
    limit = int(MOST * narrow.cycles)
    profile = wide.profile
    rest = (profile.code_bytes, profile.arena_bytes, profile.stack_bytes)
    return (
        BARS[name].title,
        f"{narrow.cycles:,}",
        f"{wide.cycles:,}",
        f"{wide.cycles / narrow.cycles:.3f}",
        verdict(wide.cycles, limit),
        *(f"{value:,}" for value in rest),
    )


def _layers(narrow: Measured, wide: Measured) -> list[tuple[str, ...]]:
    """Each layer, beside that of int8 where both programs have the same steps."""
    pairs = [[type(step.op) for step in each.plan.program.steps] for each in (narrow, wide)]
    own = narrow.by_step() if pairs[0] == pairs[1] else {}
    rows = []
    for index, layer in sorted(wide.by_step().items()):
        assert layer.cycles is not None
        per_mac = f"{layer.cycles / layer.macs:.2f}" if layer.macs else "-"
        other = own[index].cycles if index in own else None
        beside = ("-", "-") if other is None else (f"{other:,}", f"{layer.cycles / other:.2f}")
        kernel = layer.kernel.removeprefix("mcuq_")
        rows.append((f"{index}", kernel, f"{layer.macs:,}", f"{layer.cycles:,}", per_mac, *beside))
    return rows
