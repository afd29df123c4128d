"""Cores and boards that mcuq generates firmware for, read from `targets/cores` and `targets/boards`."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias, cast

from mcuq.errors import McuqError, Problem, fail
from mcuq.flash_modes import FlashMode, read_flash_modes
from mcuq.resources import targets_dir
from mcuq.target_files import TargetTable, damaged

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
        flash_source: the data sheets behind `flash_modes`, empty where there are none.
        flash_modes: how the core can see the flash at that clock, as the board is shipped first; empty where
                     that is not known.
    """

    name: str
    description: str
    source: str
    core: str
    flash_bytes: int
    ram_bytes: int
    clock_hz: int
    flash_source: str
    flash_modes: tuple[FlashMode, ...]

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


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What firmware is generated for: a core alone, or a board.

    Args:
        name: of the core or the board.
        core: which instructions there are.
        board: None for a core alone.
        flash_mode: how the core sees the board's flash; None at zero wait states: for a core alone, and where
                    nothing is known.
    """

    name: str
    core: Core
    board: Board | None
    flash_mode: FlashMode | None = None

    @property
    def flash_bytes(self) -> int | None:
        """The board's flash; a core alone has no limit."""
        return None if self.board is None else self.board.flash_bytes

    @property
    def ram_bytes(self) -> int | None:
        """The board's RAM; a core alone has no limit."""
        return None if self.board is None else self.board.ram_bytes

    @property
    def flash_name(self) -> str | None:
        """What selects its flash mode, None where it has none."""
        return None if self.flash_mode is None else self.flash_mode.name

    def in_mode(self, flash: str | None) -> Target:
        """The same with its flash in another mode.

        Args:
            flash: the mode's name, None for that in which the board is shipped.

        Raises:
            McuqError: O020 when there is no such mode.
        """
        if self.board is not None:
            return dataclasses.replace(self, flash_mode=self.board.flash_mode(flash))
        if flash is None:
            return self
        raise fail(
            "O020",
            f"a core alone has no flash mode '{flash}'",
            where="--flash",
            why=f"'{self.name}' is a core, whose cycles are those of zero wait states",
            fix="name a board with such a mode: docs/targets.md lists them; or leave --flash out",
        )


def load_target(name: str, flash: str | None = None) -> Target:
    """The core or board of that name.

    Args:
        name: of a core or a board.
        flash: of one of the board's flash modes, None for that in which it is shipped.

    Raises:
        McuqError: O002 when there is no such target, O020 when it has no such mode; both where no board has.
    """
    targets = _read_all(targets_dir())
    if name in targets:
        return targets[name] if flash is None else targets[name].in_mode(flash)
    near = difflib.get_close_matches(name.lower(), targets, n=1)
    problems = [
        Problem(
            "O002",
            f"unknown target '{name}'",
            where="--target",
            why="known: " + ", ".join(targets),
            fix=f"did you mean '{near[0]}'?" if near else "name one of these",
        )
    ]
    modes = _modes_of_any(targets.values())
    if flash is not None and flash not in modes:
        why = f"modes are: {', '.join(modes)}"
        title = f"no board has a flash mode '{flash}'"
        problems.append(
            Problem("O020", title, "--flash", why, "name one of these, of the board that you build for")
        )
    raise McuqError(problems)


def _modes_of_any(targets: Iterable[Target]) -> tuple[str, ...]:
    """The names of all flash modes, each once."""
    boards = [target.board for target in targets if target.board is not None]
    return tuple(dict.fromkeys(mode.name for board in boards for mode in board.flash_modes))


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
            raise damaged(path, f"core '{board.core}' does not exist, or the name is taken")
        targets[board.name] = Target(board.name, cores[board.core], board).in_mode(None)
    return targets


def read_core(path: Path) -> Core:
    """Read and check one file of `targets/cores`.

    Raises:
        McuqError: T005 when a key is unknown, missing or of the wrong type.
    """
    table = TargetTable.read(path)
    arch = table.text("arch")
    if arch not in ("arm", "host", "riscv32"):
        raise damaged(path, f"arch is '{arch}'")
    features = table.texts("features")
    if not set(features) <= set(FEATURES):
        raise damaged(path, f"features are {', '.join(features)}; known are {', '.join(FEATURES)}")
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
        raise damaged(path, "a core has machines unless it is the host")
    return core


def read_board(path: Path) -> Board:
    """Read and check one file of `targets/boards`.

    Raises:
        McuqError: T005 when a key is unknown, missing or of the wrong type.
    """
    table = TargetTable.read(path)
    board = Board(
        name=path.stem,
        description=table.text("description"),
        source=table.text("source"),
        core=table.text("core"),
        flash_bytes=table.number("flash_bytes"),
        ram_bytes=table.number("ram_bytes"),
        clock_hz=table.number("clock_hz"),
        flash_source=table.text("flash_source") if table.has("flash_modes") else "",
        flash_modes=read_flash_modes(table, path),
    )
    table.close()
    return board


def _read_machine(table: TargetTable) -> Machine:
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


def _read_region(table: TargetTable) -> AddressRange:
    region = AddressRange(table.number("origin"), table.number("bytes"))
    table.close()
    return region
