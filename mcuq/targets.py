"""Cores and boards that mcuq generates firmware for, read from `targets/cores` and `targets/boards`."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias, cast

from mcuq.boards import Board, parse_board, read_board, read_board_values
from mcuq.errors import McuqError, Problem, fail
from mcuq.flash_modes import FlashMode
from mcuq.memories import AddressRange, Memory
from mcuq.placing import Placing, parse_placing
from mcuq.resources import targets_dir
from mcuq.target_files import TargetTable, damaged

Arch: TypeAlias = Literal["arm", "host", "riscv32"]

_OWN_SUFFIX = ".toml"
# What kernels may ask of a core.
FEATURES = ("divide", "dsp", "fpu", "long-multiply", "mve", "unaligned")


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """The memories an image for emulation is linked for, and the QEMU machine that has them.

    Args:
        name: what selects it.
        qemu: the value of QEMU's -M.
        boot: where the vector table lies; the start of `flash` in all but a few.
        flash: code and constants.
        ram: data and stack.
        memories: more of them, by name, for what is placed there.
    """

    name: str
    qemu: str
    boot: AddressRange
    flash: AddressRange
    ram: AddressRange
    memories: tuple[Memory, ...] = ()


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
class Target:
    """What firmware is generated for: a core alone, or a board.

    Args:
        name: of the core or the board.
        core: which instructions there are.
        board: None for a core alone.
        flash_mode: how the core sees the board's flash; None at zero wait states: for a core alone, and where
            nothing is known.
        own: of a board of the user's what stands in its file, as JSON.
        placing: where constants, arena and kernels lie; None for the board's flash and RAM.
    """

    name: str
    core: Core
    board: Board | None
    flash_mode: FlashMode | None = None
    own: str | None = None
    placing: Placing | None = None

    @property
    def flash_bytes(self) -> int | None:
        """The board's flash; a core alone has no limit."""
        return None if self.board is None else self.board.flash_bytes

    @property
    def ram_bytes(self) -> int | None:
        """The board's RAM; a core alone has no limit."""
        return None if self.board is None else self.board.ram_bytes

    @property
    def main_ram(self) -> Memory | None:
        """Where data lies that is not placed; a core alone has none."""
        return None if self.board is None else self.board.ram

    @property
    def has_main_arena(self) -> bool:
        """Whether the arena lies there, too."""
        arena = None if self.placing is None else self.placing.arena
        return arena is None or arena == self.main_ram

    @property
    def flash_name(self) -> str | None:
        """What selects its flash mode, None where it has none."""
        return None if self.flash_mode is None else self.flash_mode.name

    def placed(self, text: str | None) -> Target:
        """The same with constants, arena or kernels in memories by name.

        Args:
            text: of `--place`, None for the board's flash and RAM.

        Raises:
            McuqError: O025 for everything in it that the board does not have or allow.
        """
        if text is None:
            return self
        return dataclasses.replace(self, placing=parse_placing(text, self.name, self.board))

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
        name: of a core or a board, or the path of a TOML file of one.
        flash: of one of the board's flash modes, None for that in which it is shipped.

    Raises:
        McuqError: O002 when there is no such target, O020 when it has no such mode; both where no board has.
            Of a file O012, O014, O015 and T005.
    """
    if name.endswith(_OWN_SUFFIX):
        path = Path(name)
        return own_target(path.stem, str(path), read_board_values(path)).in_mode(flash)
    targets = _read_all(targets_dir())
    name = _aliases(targets).get(name, name)
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


def own_target(name: str, where: str, values: Mapping[str, object]) -> Target:
    """The target that is a board of the user's.

    Args:
        name: of the board.
        where: the file, for messages.
        values: of its file.

    Raises:
        McuqError: T005 for everything that is wrong in it.
    """
    cores = {name: each.core for name, each in _read_all(targets_dir()).items() if each.board is None}
    board = parse_board(name, where, values, [core for core in cores if not cores[core].is_host])
    text = json.dumps(values, sort_keys=True)
    return dataclasses.replace(_board_target(board, cores[board.core]), own=text).in_mode(None)


def recorded_target(document: Mapping[str, object], where: str) -> Target:
    """The target that a manifest or a lock names.

    Args:
        document: with `target`, and where there are any `flash` and `board`, what stands in the file of a
            board of the user's.
        where: the manifest or lock, for messages.

    Raises:
        McuqError: as `load_target` and `own_target`.
    """
    flash, board, name = document.get("flash"), document.get("board"), str(document["target"])
    place = None if document.get("place") is None else str(document["place"])
    mode = None if flash is None else str(flash)
    if isinstance(board, dict):
        return own_target(name, where, board).in_mode(mode).placed(place)
    if name.endswith(_OWN_SUFFIX):
        name = name.removesuffix(_OWN_SUFFIX)  # a file of the user's is read only where the user names it
    return load_target(name, mode).placed(place)


def _board_target(board: Board, core: Core) -> Target:
    """A board's core has the machine that is the board, and its options."""
    machines, machine = core.machines, board.machine
    if machine is not None:
        boot = board.memory(machine.boot)
        assert boot is not None
        more = tuple(each for each in board.memories if each not in (board.flash, board.ram))
        own = Machine(board.name, machine.qemu, boot.range, board.flash.range, board.ram.range, more)
        machines = (own, *machines)
    flags = board.gcc_flags or core.gcc_flags
    return Target(board.name, dataclasses.replace(core, gcc_flags=flags, machines=machines), board)


def _aliases(targets: Mapping[str, Target]) -> dict[str, str]:
    """Names of boards by their other names."""
    return {
        alias: name
        for name, each in targets.items()
        if each.board is not None
        for alias in each.board.aliases
    }


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
        board = read_board(path, list(cores))
        if board.name in targets:
            raise damaged(path, "the name is taken")
        targets[board.name] = _board_target(board, cores[board.core]).in_mode(None)
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
