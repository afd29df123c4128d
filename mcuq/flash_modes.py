"""How a core sees the flash of a board: wait states, width, prefetch and caches, from `targets/boards`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.target_files import TargetTable, damaged

_MOST_LINES = 4_096
_LINE_BYTES = (8, 16, 32, 64)
_READ_BYTES = (4, 8, 16, 32)


@dataclasses.dataclass(frozen=True, slots=True)
class Cache:
    """A cache before the flash; the least recently used line of a set goes first.

    Args:
        lines: how many, 1 to 4,096.
        line_bytes: of each: 8, 16, 32 or 64.
        ways: lines that share a set; as many as there are lines where any line may hold any address.
    """

    lines: int
    line_bytes: int
    ways: int

    @property
    def size_bytes(self) -> int:
        """Of all lines."""
        return self.lines * self.line_bytes


@dataclasses.dataclass(frozen=True, slots=True)
class FlashMode:
    """One way in which a flash can be set up.

    Args:
        name: what selects it.
        wait_states: on top of one cycle for each read that no cache holds.
        read_bytes: how much a read delivers: 4, 8, 16 or 32.
        has_prefetch: whether a miss of code asks for the read behind it, too.
        code_cache: None where there is none.
        data_cache: likewise, for constants.
    """

    name: str
    wait_states: int
    read_bytes: int
    has_prefetch: bool
    code_cache: Cache | None
    data_cache: Cache | None

    @property
    def title(self) -> str:
        """What it is, for people."""
        parts = [f"{self.wait_states} wait states, {8 * self.read_bytes} bits a read"]
        parts += ["prefetch"] if self.has_prefetch else []
        for name, cache in (("code", self.code_cache), ("data", self.data_cache)):
            parts += [] if cache is None else [f"{cache.size_bytes:,} B of cache for {name}"]
        return ", ".join(parts)


def read_flash_modes(board: TargetTable, path: Path) -> tuple[FlashMode, ...]:
    """The table `flash_modes` of a board.

    Args:
        board: its file.
        path: of the file, for messages.

    Raises:
        McuqError: T005 when a key is unknown, missing, of the wrong type or out of range.
    """
    modes = tuple(_read_mode(table, path) for table in board.tables("flash_modes"))
    if len({mode.name for mode in modes}) < len(modes):
        raise damaged(path, "two of 'flash_modes' have one name")
    return modes


def _read_mode(table: TargetTable, path: Path) -> FlashMode:
    mode = FlashMode(
        name=table.text("name"),
        wait_states=table.number("wait_states"),
        read_bytes=table.number("read_bytes"),
        has_prefetch=table.flag("prefetch"),
        code_cache=_read_cache(table.table("code_cache"), path) if table.has("code_cache") else None,
        data_cache=_read_cache(table.table("data_cache"), path) if table.has("data_cache") else None,
    )
    table.close()
    if mode.read_bytes not in _READ_BYTES:
        raise damaged(path, f"'read_bytes' is {mode.read_bytes}; known are {_listed(_READ_BYTES)}")
    for cache in (mode.code_cache, mode.data_cache):
        if cache is not None and cache.line_bytes < mode.read_bytes:
            raise damaged(path, "a line of a cache is shorter than a read")
    return mode


def _read_cache(table: TargetTable, path: Path) -> Cache:
    lines = table.number("lines")
    cache = Cache(lines, table.number("line_bytes"), table.number("ways") if table.has("ways") else lines)
    table.close()
    if not 1 <= cache.ways <= cache.lines <= _MOST_LINES or cache.lines % cache.ways:
        raise damaged(path, f"a cache has {cache.lines} lines in sets of {cache.ways}")
    if cache.line_bytes not in _LINE_BYTES:
        raise damaged(path, f"'line_bytes' is {cache.line_bytes}; known are {_listed(_LINE_BYTES)}")
    return cache


def _listed(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))
