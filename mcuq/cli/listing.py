"""`mcuq targets` and `mcuq ops`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from mcuq.boards import Board
from mcuq.cli.console import out, print_json
from mcuq.ops.onnx.registry import readers
from mcuq.targets import Target, list_targets, load_target


def targets_command(
    name: Annotated[str | None, typer.Argument(help="One target in detail.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List cores and boards."""
    targets = list_targets() if name is None else (load_target(name),)
    if json:
        print_json({"targets": [_document(target) for target in targets]})
        return
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("target", "core", "flash", "RAM", "description"):
        table.add_column(title, justify="right" if title in ("flash", "RAM") else "left")
    for target in targets:
        table.add_row(
            target.name,
            target.core.name,
            _kib(target.flash_bytes),
            _kib(target.ram_bytes),
            _description(target),
        )
    out.print(table)


def _description(target: Target) -> str:
    return target.core.description if target.board is None else target.board.description


def _kib(size: int | None) -> str:
    return "-" if size is None else f"{size // 1024:,} KiB"


def _document(target: Target) -> dict[str, object]:
    return {
        "name": target.name,
        "core": target.core.name,
        "description": _description(target),
        "flash_bytes": target.flash_bytes,
        "ram_bytes": target.ram_bytes,
        "clock_hz": None if target.board is None else target.board.clock_hz,
        "features": list(target.core.features),
        "gcc_flags": list(target.core.gcc_flags),
        **({} if target.board is None else _board(target.board)),
    }


def _board(board: Board) -> dict[str, object]:
    return {
        "aliases": list(board.aliases),
        "memories": [
            {
                "name": each.name,
                "kind": each.kind,
                "origin": each.range.origin,
                "size": each.range.bytes,
                "wait_states": each.wait_states,
            }
            for each in board.memories
        ],
        "caches": dict(zip(("code", "data"), board.caches, strict=True)),
        "flash_modes": [mode.name for mode in board.flash_modes],
    }


def ops_command(json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """List the ONNX operators that can be built."""
    operators = {name: reader.manual for name, reader in readers().supported.items()}
    if json:
        print_json({"operators": operators})
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("ONNX operator")
    table.add_column("how")
    for name, note in operators.items():
        table.add_row(name, note)
    out.print(table)
