"""docs/targets.md: cores, instruction sets and boards."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from docs_markdown import doc, page, table

from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.kernels.variant import VariantType
from mcuq.targets import Target, list_targets


def _kib(size: int | None) -> str:
    return "" if size is None else f"{size // 1024:,} KiB"


def _core_row(target: Target) -> list[str]:
    core = target.core
    machines = ", ".join(dict.fromkeys(machine.qemu for machine in core.machines)) or "-"
    return [
        f"`{core.name}`",
        core.description,
        ", ".join(core.features) or "-",
        ", ".join(f"[{isa}](#{isa})" for isa in core.isa),
        core.unicorn_cpu or "-",
        machines,
        f"`{' '.join(core.gcc_flags)}`" if core.gcc_flags else "-",
    ]


def _isa_part(isa: str) -> list[str | Iterable[str]]:
    """Where an instruction set's kernels are, and what computes what."""
    variants = isa_variants(isa)
    kernels: dict[str, dict[str, None]] = {}
    for variant in variants:
        kernels.setdefault(_family(variant), {})[f"`{variant.kernel}`"] = None
    cores = [each.name for each in list_targets() if each.board is None and isa in each.core.isa]
    needs = sorted({name for variant in variants for name in variant.needs})
    asked = f" They need {' and '.join(f'`{name}`' for name in needs)}." if needs else ""
    title, rest = doc(importlib.import_module(f"mcuq.kernels.{isa}"))
    return [
        f"### {isa}",
        f"{title}{asked} For {', '.join(cores)}.",
        table(
            ("family", f"accepted and packed by `mcuq/kernels/{isa}`", f"C in `targets/{isa}/kernels`"),
            [[name, f"`{name}.py`", ", ".join(found)] for name, found in sorted(kernels.items())],
        ),
        *([rest] if rest else []),
    ]


def _family(variant: VariantType) -> str:
    return variant.__module__.rpartition(".")[2]


def _board_row(target: Target) -> list[str]:
    board = target.board
    assert board is not None
    flash, ram = _kib(board.flash_bytes), _kib(board.ram_bytes)
    clock = f"{board.clock_hz / 1e6:g} MHz"
    modes = ", ".join(f"`{mode.name}`" for mode in board.flash_modes) or "-"
    return [f"`{board.name}`", board.description, f"`{board.core}`", flash, ram, clock, modes, board.source]


def _mode_rows(target: Target) -> Iterable[list[str]]:
    board = target.board
    assert board is not None
    for mode in board.flash_modes:
        yield [f"`{board.name}`", f"`{mode.name}`", mode.title, board.flash_source]


def targets_page() -> str:
    """Cores and boards."""
    targets = list_targets()
    cores = [_core_row(target) for target in targets if target.board is None]
    boards = [_board_row(target) for target in targets if target.board is not None]
    return page(
        "Targets",
        "`--target` takes a core or a board. A core says which instructions there are; a board adds its "
        "memories, and a model that cannot fit them is refused (T001). Kernels are searched in the order of "
        "the column *kernels*; all of them give the same bits.",
        "## Cores",
        table(
            ("core", "description", "features", "kernels", "Unicorn model", "QEMU machines", "GCC options"),
            cores,
        ),
        "## Instruction sets",
        "Each has one folder of C and one package of the same name that says which steps its kernels take. "
        "`portable` takes every step; the others are preferred where they take it.",
        *(part for isa in instruction_sets() for part in _isa_part(isa)),
        "## Boards",
        "RAM is the largest contiguous memory; the clock is the highest rated one.",
        table(("board", "description", "core", "flash", "RAM", "clock", "flash modes", "source"), boards),
        "`mcuq build --target BOARD --flash MODE` chooses kernels, and constants that wait in the arena, for "
        "the flash in that mode, by default the first, as the board is shipped: the application has to set "
        "it up so, and nothing but cycles depends on it. `mcuq profile --board BOARD --flash MODE` models "
        "the flash at that clock, by default in the mode of the build; where no mode is known, cycles are "
        "those of zero wait states.",
        table(
            ("board", "mode", "meaning", "source"),
            [row for target in targets if target.board is not None for row in _mode_rows(target)],
        ),
    )
