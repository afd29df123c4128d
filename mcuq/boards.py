"""Boards: a core with memories, caches and a clock, from a TOML file of mcuq's or of the user's."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

from mcuq.errors import McuqError, Problem, fail
from mcuq.flash_modes import FlashMode, read_flash_modes
from mcuq.memories import KINDS, AddressRange, Memory, MemoryKind
from mcuq.reading.files import read_file
from mcuq.reading.sizes import BYTES, parse_amount
from mcuq.reading.text import parse_toml
from mcuq.target_files import TargetTable, damaged

_ADDRESSES = 1 << 32
_CLOCKS = (1_000, 10_000_000_000)
_MOST_WAIT_STATES, _MOST_MEMORIES, _MOST_PROBLEMS = 255, 64, 20
_MEMORY_NAME = re.compile(r"[a-z][a-z0-9_]{0,15}")
_BOARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Options that say what a processor is; any other could make a compiler run or write something.
_FLAG = re.compile(r"-mthumb|-m(?:cpu|fpu|float-abi|arch|abi|cmodel)=[A-Za-z0-9.+_-]{1,64}")
_KEYS = ("description", "source", "core", "clock_hz", "aliases", "gcc_flags", "caches", "memories", "machine")
_FLASH_KEYS = ("flash_source", "flash_modes")


@dataclasses.dataclass(frozen=True, slots=True)
class BoardMachine:
    """The QEMU machine that is the board.

    Args:
        qemu: the value of QEMU's -M.
        boot: the memory where the vector table lies.
    """

    qemu: str
    boot: str


@dataclasses.dataclass(frozen=True, slots=True)
class Board:
    """A core with its memories and its clock.

    Args:
        name: its name on the command line.
        description: one line.
        source: the data sheets behind the file.
        core: name of the core.
        clock_hz: the highest rated clock.
        memories: those that programs may use; the first flash holds code and constants, and the first that
            is none holds data, unless they are placed elsewhere.
        flash_source: the data sheets behind `flash_modes`, empty where there are none.
        flash_modes: how the core can see the flash at that clock, first as the board is shipped with its
            vendor's defaults; empty where that is not known.
        aliases: other names of it.
        gcc_flags: options that select the core as the board has it, empty for those of the core.
        caches: bytes of the core's caches for code and for data, 0 for none.
        machine: None where QEMU has no such board.
    """

    name: str
    description: str
    source: str
    core: str
    clock_hz: int
    memories: tuple[Memory, ...]
    flash_source: str = ""
    flash_modes: tuple[FlashMode, ...] = ()
    aliases: tuple[str, ...] = ()
    gcc_flags: tuple[str, ...] = ()
    caches: tuple[int, int] = (0, 0)
    machine: BoardMachine | None = None

    @property
    def flash(self) -> Memory:
        """Where code and constants lie by default."""
        return next(each for each in self.memories if each.is_flash)

    @property
    def ram(self) -> Memory:
        """Where data lies by default."""
        return next(each for each in self.memories if not each.is_flash)

    @property
    def flash_bytes(self) -> int:
        """Memory for code and constants."""
        return self.flash.range.bytes

    @property
    def ram_bytes(self) -> int:
        """Memory for data."""
        return self.ram.range.bytes

    def memory(self, name: str) -> Memory | None:
        """The memory of that name, None where there is none."""
        return next((each for each in self.memories if each.name == name), None)

    def flash_mode(self, name: str | None) -> FlashMode | None:
        """The mode of that name; without one the first, None where none is known.

        Raises:
            McuqError: O020 when the board has no such mode.
        """
        if name is None:
            return next(iter(self.flash_modes), None)
        for mode in self.flash_modes:
            if mode.name == name:
                return mode
        known = ", ".join(mode.name for mode in self.flash_modes)
        raise fail(
            "O020",
            f"board '{self.name}' has no flash mode '{name}'",
            where="--flash",
            why=f"its modes are: {known}" if known else "nothing is known of how its core sees its flash",
            fix="name one of these" if known else "leave --flash out: cycles are those of zero wait states",
        )


def read_board(path: Path, cores: Collection[str] | None = None) -> Board:
    """Read and check a file of a board.

    Args:
        path: a TOML file, whose stem is the board's name.
        cores: those that there are; None for any.

    Raises:
        McuqError: O012, O014 or O015 where it cannot be read, T005 for everything that is wrong in it.
    """
    return parse_board(path.stem, str(path), read_board_values(path), cores)


def read_board_values(path: Path) -> dict[str, object]:
    """What stands in a file of a board.

    Raises:
        McuqError: O012, O014 or O015 where it cannot be read, T005 where it is no TOML.
    """
    try:
        return parse_toml(read_file(path))
    except ValueError as error:
        raise damaged(path, str(error)) from error


def parse_board(
    name: str, where: str, values: Mapping[str, object], cores: Collection[str] | None = None
) -> Board:
    """Check what a file of a board, or a manifest, says of it.

    Args:
        name: of the board.
        where: the file, for messages.
        values: by key.
        cores: those that there are; None for any.

    Raises:
        McuqError: T005 for everything that is wrong, all at once.
    """
    reader = _Reader(values)
    if not _BOARD_NAME.fullmatch(name):
        reader.wrong("the name of the file has to be letters, digits, '.', '_' and '-', at most 64")
    board = _read(name, reader, where)
    if cores is not None and board.core not in cores and isinstance(values.get("core"), str):
        known = ", ".join(cores) or "none"
        reader.wrong(f"core '{board.core[:64]}' does not exist; known are {known}")
    reader.unknown(*_KEYS, *_FLASH_KEYS)
    if reader.problems:
        fix = "mend the file: docs/targets.md says what stands in it"
        file = Path(where).name
        shown, more = reader.problems[:_MOST_PROBLEMS], len(reader.problems) - _MOST_PROBLEMS
        if more > 0:
            shown.append(f"{more} more of its kind")
        raise McuqError(
            Problem("T005", f"the target file '{file}' is not valid", where, why, fix) for why in shown
        )
    return board


class _Reader:
    """Takes values out of a table, and keeps what is wrong with them."""

    def __init__(self, values: Mapping[str, object], of: str = "", problems: list[str] | None = None) -> None:
        self.values = values
        self.problems: list[str] = [] if problems is None else problems
        self._of = of

    def wrong(self, why: str) -> None:
        """One more problem."""
        self.problems.append(f"{self._of}{why}")

    def inner(self, values: object, of: str) -> _Reader:
        """A table within; empty where it is none."""
        reader = _Reader(values if isinstance(values, dict) else {}, f"{of}: ", self.problems)
        if not isinstance(values, dict):
            reader.wrong("it has to be a table")
        return reader

    def unknown(self, *known: str) -> None:
        """Refuse other keys than these."""
        more = sorted(str(key)[:64] for key in self.values if key not in known)
        if more:
            self.wrong("unknown keys: " + ", ".join(more[:8]) + (", ..." if len(more) > 8 else ""))

    def text(self, key: str) -> str:
        """A text of one line that is not empty."""
        value = self.values.get(key)
        if isinstance(value, str) and 0 < len(value) <= 400 and value.isprintable():
            return value
        self.wrong(f"'{key}' is missing" if value is None else f"'{key}' has to be a text of one line")
        return "-"

    def texts(self, key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
        """A list of texts, which may be missing."""
        value = self.values.get(key, [])
        if isinstance(value, list) and all(isinstance(each, str) and form.fullmatch(each) for each in value):
            return tuple(value)
        self.wrong(f"'{key}' has to be a list of {what}")
        return ()

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number within limits; missing only where there is a default."""
        value = self.values.get(key, default)
        if type(value) is int and least <= value <= most:
            return value
        limits = f"{least:_} to {most:_}"
        self.wrong(f"'{key}' is missing" if value is None else f"'{key}' has to be a whole number, {limits}")
        return least

    def size(self, key: str, default: int | None = None) -> int:
        """Bytes, as a number or as a text such as `64K`."""
        value = self.values.get(key, default)
        if value is None:
            self.wrong(f"'{key}' is missing")
            return 1
        found = parse_amount(value, BYTES) if isinstance(value, str) else value
        if type(found) is int and (0 < found <= _ADDRESSES or found == default):
            return found
        self.wrong(f"'{key}' has to be a positive number of bytes, as 65_536 or \"64K\"")
        return 1


def _read(name: str, reader: _Reader, where: str) -> Board:
    memories = _read_memories(reader)
    caches = reader.inner(reader.values.get("caches", {}), "caches")
    caches.unknown("code", "data")
    modes, source = _read_modes(reader, where)
    return Board(
        name=name,
        description=reader.text("description"),
        source=reader.text("source"),
        core=reader.text("core"),
        clock_hz=reader.number("clock_hz", *_CLOCKS),
        memories=memories,
        flash_source=source,
        flash_modes=modes,
        aliases=reader.texts("aliases", _BOARD_NAME, "names"),
        gcc_flags=reader.texts("gcc_flags", _FLAG, "options that select a processor, as -mcpu= and -mfpu="),
        caches=(caches.size("code", 0), caches.size("data", 0)),
        machine=_read_machine(reader, memories),
    )


def _read_memories(reader: _Reader) -> tuple[Memory, ...]:
    tables = reader.values.get("memories")
    if not isinstance(tables, list) or not tables:
        reader.wrong("it has no [[memories]]")
        return ()
    if len(tables) > _MOST_MEMORIES:
        reader.wrong(f"it has {len(tables):_} [[memories]], at most {_MOST_MEMORIES} can be told apart")
        return ()
    found = [_read_memory(reader.inner(each, f"memory {n}")) for n, each in enumerate(tables, 1)]
    for kind, is_missing in (
        ("flash", all(not each.is_flash for each in found)),
        ("ram", all(each.is_flash for each in found)),
    ):
        if is_missing:
            reader.wrong(f'no memory is of kind "{kind}"')
    for one, other in itertools.combinations(found, 2):
        if one.name == other.name:
            reader.wrong(f"two memories are called '{one.name}'")
        if one.range.overlaps(other.range):
            reader.wrong(f"memories '{one.name}' and '{other.name}' overlap")
    return tuple(found)


def _read_memory(reader: _Reader) -> Memory:
    name, kind = reader.text("name"), reader.text("kind")
    if not _MEMORY_NAME.fullmatch(name):
        reader.wrong("'name' has to be lower case letters, digits and '_', at most 16")
    if kind not in KINDS:
        reader.wrong(f"'kind' has to be one of {', '.join(KINDS)}")
    origin, size = reader.number("origin", 0, _ADDRESSES - 1), reader.size("size")
    if origin + size > _ADDRESSES:
        reader.wrong("it ends beyond 32 bits of address")
    has_wait = "wait_states" in reader.values
    wait_states = reader.number("wait_states", 0, _MOST_WAIT_STATES) if has_wait else None
    reader.unknown("name", "kind", "origin", "size", "wait_states")
    return Memory(name[:16], cast(MemoryKind, kind), AddressRange(origin, size), wait_states)


def _read_machine(reader: _Reader, memories: tuple[Memory, ...]) -> BoardMachine | None:
    if "machine" not in reader.values:
        return None
    inner = reader.inner(reader.values["machine"], "machine")
    inner.unknown("qemu", "boot")
    qemu, boot = inner.text("qemu"), inner.text("boot")
    if not re.fullmatch(r"[a-z0-9-]{1,32}", qemu):
        inner.wrong("'qemu' has to be the name of a machine of QEMU")
    if memories and boot not in [each.name for each in memories]:
        inner.wrong(f"'boot' names no memory of the board: '{boot[:64]}'")
    return BoardMachine(qemu, boot)


def _read_modes(reader: _Reader, where: str) -> tuple[tuple[FlashMode, ...], str]:
    """The table `flash_modes` and the data sheets behind it."""
    values = {key: reader.values[key] for key in _FLASH_KEYS if key in reader.values}
    if not values:
        return (), ""
    try:
        modes = read_flash_modes(TargetTable(Path(where), values), Path(where))
    except McuqError as error:
        for problem in error.problems:
            reader.wrong(problem.why)
        modes = ()
    return modes, reader.text("flash_source")
