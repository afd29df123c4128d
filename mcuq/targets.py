"""Cores and boards that mcuq generates firmware for, read from `targets/cores` and `targets/boards`."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias, cast

from mcuq.errors import McuqError, fail
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_toml
from mcuq.resources import targets_dir

Arch: TypeAlias = Literal["arm", "host", "riscv32"]

# What kernels may ask of a core.
FEATURES = ("divide", "dsp", "fpu", "long-multiply", "mve", "unaligned")


@dataclasses.dataclass(frozen=True, slots=True)
class AddressRange:
    """A range of addresses.

    Args:
        origin: the first address.
        bytes: the length.
    """

    origin: int
    bytes: int

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.bytes

    def holds(self, address: int, size: int = 1) -> bool:
        """Whether `size` bytes from `address` lie inside."""
        return self.origin <= address and address + size <= self.end


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """The memories an image for emulation is linked for, and the QEMU machine that has them.

    Args:
        name: what selects it.
        qemu: the value of QEMU's -M.
        boot: where the vector table lies; the start of `flash` in all but a few.
        flash: code and constants.
        ram: data and stack.
    """

    name: str
    qemu: str
    boot: AddressRange
    flash: AddressRange
    ram: AddressRange


@dataclasses.dataclass(frozen=True, slots=True)
class Core:
    """A processor core: what it can do, how to compile for it and how to emulate it.

    Args:
        name: its name on the command line.
        description: one line.
        source: the data sheets behind the file.
        arch: the family of startup code and compilers.
        isa: kernel directories, the most special first.
        features: a subset of `FEATURES`.
        gcc_flags: options that select the core in GCC.
        zig_flags: options that select the core in `zig cc`.
        unicorn_cpu: Unicorn's model, without its `UC_CPU_`, or None where Unicorn has none.
        machines: for emulation, the smallest first; empty for the host.
    """

    name: str
    description: str
    source: str
    arch: Arch
    isa: tuple[str, ...]
    features: tuple[str, ...]
    gcc_flags: tuple[str, ...]
    zig_flags: tuple[str, ...]
    unicorn_cpu: str | None
    machines: tuple[Machine, ...]

    @property
    def is_host(self) -> bool:
        """Whether images run natively."""
        return self.arch == "host"

    def machine(self, name: str) -> Machine:
        """The machine of that name.

        Raises:
            McuqError: O001 when the core has no such machine.
        """
        for machine in self.machines:
            if machine.name == name:
                return machine
        known = ", ".join(machine.name for machine in self.machines) or "none"
        raise fail(
            "O001",
            f"core '{self.name}' has no machine '{name}'",
            where=f"core '{self.name}'",
            why=f"its machines are: {known}",
            fix="name one of these",
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Board:
    """A core with its memories and its clock.

    Args:
        name: its name on the command line.
        description: one line.
        source: the data sheets behind the file.
        core: name of the core.
        flash_bytes: memory for code and constants.
        ram_bytes: the largest contiguous RAM.
        clock_hz: the highest rated clock.
    """

    name: str
    description: str
    source: str
    core: str
    flash_bytes: int
    ram_bytes: int
    clock_hz: int


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What firmware is generated for: a core alone, or a board."""

    name: str
    core: Core
    board: Board | None

    @property
    def flash_bytes(self) -> int | None:
        """The board's flash; a core alone has no limit."""
        return None if self.board is None else self.board.flash_bytes

    @property
    def ram_bytes(self) -> int | None:
        """The board's RAM; a core alone has no limit."""
        return None if self.board is None else self.board.ram_bytes


def load_target(name: str) -> Target:
    """The core or board of that name.

    Raises:
        McuqError: O002 when there is none.
    """
    targets = _read_all(targets_dir())
    if name in targets:
        return targets[name]
    near = difflib.get_close_matches(name.lower(), targets, n=1)
    raise fail(
        "O002",
        f"unknown target '{name}'",
        where="--target",
        why="known: " + ", ".join(targets),
        fix=f"did you mean '{near[0]}'?" if near else "name one of these",
    )


def list_targets() -> tuple[Target, ...]:
    """All targets: the cores, then the boards, each by name."""
    return tuple(_read_all(targets_dir()).values())


@functools.lru_cache(maxsize=4)
def _read_all(folder: Path) -> Mapping[str, Target]:
    cores = {path.stem: read_core(path) for path in sorted((folder / "cores").glob("*.toml"))}
    targets = {name: Target(name, core, None) for name, core in cores.items()}
    for path in sorted((folder / "boards").glob("*.toml")):
        board = read_board(path)
        if board.core not in cores or board.name in targets:
            raise _damaged(path, f"core '{board.core}' does not exist, or the name is taken")
        targets[board.name] = Target(board.name, cores[board.core], board)
    return targets


def read_core(path: Path) -> Core:
    """Read and check one file of `targets/cores`.

    Raises:
        McuqError: T005 when a key is unknown, missing or of the wrong type.
    """
    table = _Table.read(path)
    arch = table.text("arch")
    if arch not in ("arm", "host", "riscv32"):
        raise _damaged(path, f"arch is '{arch}'")
    features = table.texts("features")
    if not set(features) <= set(FEATURES):
        raise _damaged(path, f"features are {', '.join(features)}; known are {', '.join(FEATURES)}")
    core = Core(
        name=path.stem,
        description=table.text("description"),
        source=table.text("source"),
        arch=cast(Arch, arch),
        isa=table.texts("isa"),
        features=features,
        gcc_flags=table.texts("gcc_flags"),
        zig_flags=table.texts("zig_flags"),
        unicorn_cpu=table.text("unicorn_cpu") if table.has("unicorn_cpu") else None,
        machines=tuple(_read_machine(each) for each in table.tables("machines")),
    )
    table.close()
    if core.is_host == bool(core.machines):
        raise _damaged(path, "a core has machines unless it is the host")
    return core


def read_board(path: Path) -> Board:
    """Read and check one file of `targets/boards`.

    Raises:
        McuqError: T005 when a key is unknown, missing or of the wrong type.
    """
    table = _Table.read(path)
    board = Board(
        name=path.stem,
        description=table.text("description"),
        source=table.text("source"),
        core=table.text("core"),
        flash_bytes=table.number("flash_bytes"),
        ram_bytes=table.number("ram_bytes"),
        clock_hz=table.number("clock_hz"),
    )
    table.close()
    return board


def _read_machine(table: _Table) -> Machine:
    flash = _read_region(table.table("flash"))
    machine = Machine(
        name=table.text("name"),
        qemu=table.text("qemu"),
        boot=_read_region(table.table("boot")) if table.has("boot") else flash,
        flash=flash,
        ram=_read_region(table.table("ram")),
    )
    table.close()
    return machine


def _read_region(table: _Table) -> AddressRange:
    region = AddressRange(table.number("origin"), table.number("bytes"))
    table.close()
    return region


def _damaged(path: Path, why: str) -> McuqError:
    return fail(
        "T005",
        f"the target file '{path.name}' is not valid",
        where=str(path),
        why=why,
        fix="mend the file, or reinstall mcuq",
    )


class _Table:
    """A TOML table of which every key has to be taken exactly once."""

    def __init__(self, path: Path, values: Mapping[str, object]) -> None:
        self._path = path
        self._left = dict(values)

    @classmethod
    def read(cls, path: Path) -> _Table:
        try:
            return cls(path, parse_toml(read_file(path)))
        except ValueError as error:
            raise _damaged(path, str(error)) from error

    def has(self, key: str) -> bool:
        return key in self._left

    def text(self, key: str) -> str:
        value = self._take(key)
        if not isinstance(value, str) or not value:
            raise _damaged(self._path, f"'{key}' has to be a text")
        return value

    def number(self, key: str) -> int:
        value = self._take(key)
        if type(value) is not int or value < 0:
            raise _damaged(self._path, f"'{key}' has to be a whole number")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise _damaged(self._path, f"'{key}' has to be a list of texts")
        return tuple(value)

    def table(self, key: str) -> _Table:
        value = self._take(key)
        if not isinstance(value, dict):
            raise _damaged(self._path, f"'{key}' has to be a table")
        return _Table(self._path, value)

    def tables(self, key: str) -> list[_Table]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise _damaged(self._path, f"'{key}' has to be a list of tables")
        return [_Table(self._path, each) for each in value]

    def close(self) -> None:
        if self._left:
            raise _damaged(self._path, "unknown keys: " + ", ".join(sorted(self._left)))

    def _take(self, key: str) -> object:
        if key not in self._left:
            raise _damaged(self._path, f"'{key}' is missing")
        return self._left.pop(key)
