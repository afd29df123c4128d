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
    names = " ".join(f"`{name}`" for name in (board.name, *board.aliases))
    return [names, board.description, f"`{board.core}`", flash, ram, clock, modes, board.source]


def _memory_rows(target: Target) -> Iterable[list[str]]:
    board = target.board
    assert board is not None
    for each in board.memories:
        wait = "-" if each.wait_states is None else str(each.wait_states)
        size, origin = _kib(each.range.bytes), f"`{each.range.origin:#010x}`"
        yield [f"`{board.name}`", f"`{each.name}`", each.kind, origin, size, wait]


def _mode_rows(target: Target) -> Iterable[list[str]]:
    board = target.board
    assert board is not None
    for mode in board.flash_modes:
        yield [f"`{board.name}`", f"`{mode.name}`", mode.title, board.flash_source]


_OWN_BOARD = """```toml
description = "My board"
source = "its data sheet"
core = "cortex-m7"                # one of the cores above
clock_hz = 216_000_000
aliases = ["mine"]                # optional
gcc_flags = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"]  # optional
caches = { code = "16K", data = "16K" }     # optional
machine = { qemu = "mps2-an500", boot = "flash" }  # optional: a machine of QEMU with these memories

[[memories]]
name = "flash"                    # lower case letters, digits and _, at most 16
kind = "flash"                    # flash, ram, itcm or dtcm
origin = 0x08000000
size = "1M"                       # or a number of bytes
wait_states = 7                   # optional

[[memories]]
name = "sram"
kind = "ram"
origin = 0x20010000
size = "256K"
```"""


_SCRIPT = """```
.itcm : ALIGN(8) { *(.text.mcuq.itcm .rodata.mcuq.itcm) } > ITCM AT> FLASH
.dtcm (NOLOAD) : ALIGN(8) { *(.bss.mcuq.dtcm) } > DTCM
```"""


def _memories_part(targets: Iterable[Target]) -> list[str]:
    boards = [target for target in targets if target.board is not None]
    return [
        "### Memories",
        "The first of kind flash and the first of another kind are those of the table above. `itcm` and "
        "`dtcm` lie beside the core; no code runs in the latter. Wait states are those of a read at the "
        "board's clock, `-` where nothing says so. `mcuq targets BOARD --json` prints all of a board.",
        table(
            ("board", "memory", "kind", "origin", "size", "wait states"),
            [row for target in boards for row in _memory_rows(target)],
        ),
        "### A board of your own",
        "`--target my_board.toml` takes a file of the same form as those in `targets/boards`:",
        _OWN_BOARD,
        "`flash_source` and `[[flash_modes]]` are as in `targets/boards/nucleo-l4r5zi.toml`. Everything "
        "that is wrong in a file is named at once (T005): unknown keys, missing, overlapping or "
        "unaddressable memories, sizes, wait states, cores and options other than those that select a "
        "processor. The manifest holds the file, so firmware needs it no more once it is built.",
        "### Placement",
        "`mcuq build --target BOARD --place weights=itcm+flash,arena=dtcm,kernels=itcm` puts constants, "
        "arena and functions into memories by name; what is not named lies in the board's first flash and"
        " RAM, which are also `flash` and `ram`. Results do not depend on it in any bit. Of several "
        "memories for weights the first is filled with the constants that a run reads most often per "
        "byte, layer by layer; the listing, and the manifest under `placed`, say which are where. A "
        "memory that the board has not, or that cannot hold such a part, is refused (O025), one that is "
        "too small likewise (T001).",
        "`include/<name>_sections.h` then gives the parts their sections, `.text.mcuq.<memory>`, "
        "`.rodata.mcuq.<memory>` and `.bss.mcuq.<memory>`. A linker script that does not name them leaves"
        " them in flash and RAM. One that does, before its own `.text`:",
        _SCRIPT,
        "Startup code copies `.itcm` from its load address as it copies `.data`. `mcuq verify --on qemu` "
        "does all of this for boards that are machines of QEMU; for other boards parts stay in flash and "
        "RAM there. Builds without placement have three macros that are empty until you define them, "
        "`MCUQ_HOT` for functions, `MCUQ_CONSTANTS` and `MCUQ_ARENA`: [c-code.md](c-code.md). "
        "`mcuq profile` counts as if nothing were placed.",
    ]


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
        "Flash is the memory that code and constants are in, RAM the one of the arena, unless they are "
        "placed elsewhere; the clock is the highest rated one. A board may have several names.",
        table(("board", "description", "core", "flash", "RAM", "clock", "flash modes", "source"), boards),
        "`mcuq build --target BOARD --flash MODE` chooses kernels, and constants that wait in the arena, for "
        "the flash in that mode, by default the first, the board as shipped with its vendor's defaults: the "
        "application has to set it up so, and nothing but cycles depends on it. `mcuq profile --board BOARD "
        "--flash MODE` models the flash at that clock, by default in the mode of the build; where no mode is "
        "known, cycles are those of zero wait states.",
        table(
            ("board", "mode", "meaning", "source"),
            [row for target in targets if target.board is not None for row in _mode_rows(target)],
        ),
        *_memories_part(targets),
    )
