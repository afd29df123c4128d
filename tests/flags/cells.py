"""The options that generated code is compiled under, and what each asks of compiler and program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mcuq.targets import Core, load_target

CORES = ("cortex-m4", "cortex-m0plus")
COMPILERS = ("gcc", "zig", "clang")
LEVELS = ("-O0", "-Og", "-Os", "-O2", "-O3")
FLOATS = ("soft", "softfp", "hard")
# The base of all data in a register that a loader sets, where code and data are moved apart.
BASE = ("-fPIC", "-msingle-pic-base", "-mpic-register=r9", "-mno-pic-data-is-text-relative")


@dataclasses.dataclass(frozen=True)
class Option:
    """One column of the table.

    Args:
        flags: for the compiler, behind all others.
        link_flags: for the linker.
        floats: which floating point it uses; "" for the core's own.
        has_hooks: whether the compiler has to call hooks, whose calls are counted.
        is_strict: whether the core, and so all code, allows words at multiples of 4 alone, and others fault.
        has_base: whether r9 holds where the global offset table is.
        opt: the level.
    """

    flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    floats: str = ""
    has_hooks: bool = False
    is_strict: bool = False
    has_base: bool = False
    opt: str = "-O2"


OPTIONS: Mapping[str, Option] = {
    **{level: Option(opt=level) for level in LEVELS},
    "-flto": Option(("-flto",), ("-flto", "-O2")),
    "-fstack-protector-all": Option(("-fstack-protector-all",)),
    "-finstrument-functions": Option(("-finstrument-functions",), has_hooks=True),
    "-O0 -finstrument-functions": Option(("-finstrument-functions",), has_hooks=True, opt="-O0"),
    "-pg": Option(("-pg", "-fno-omit-frame-pointer"), has_hooks=True),
    **{f"-mfloat-abi={floats}": Option(floats=floats) for floats in FLOATS},
    "-ftrapv": Option(("-ftrapv",)),
    "-mno-unaligned-access": Option(is_strict=True),
}
# What every version of every compiler is asked: levels, standards, code to be moved, code without data in it.
ASKED: Mapping[str, Option] = {
    **{level: OPTIONS[level] for level in ("-O0", "-Os", "-O2", "-O3")},
    **{f"-std={standard}": Option((f"-std={standard}",)) for standard in ("c11", "c17", "c2x")},
    "-fPIC": Option(("-fPIC",)),
    "-fPIE": Option(("-fPIE",)),
    "-fPIC -msingle-pic-base": Option(BASE, has_base=True),
    "-mpure-code": Option(("-mpure-code",)),
}
SETS: Mapping[str, Mapping[str, Option]] = {
    "flags": OPTIONS,
    "compilers": ASKED,
    "stack": {level: OPTIONS[level] for level in LEVELS},
}
# What a compiler does not have, and why.
MISSING: Mapping[tuple[str, str], str] = {
    ("clang", "-flto"): "no linker for its bitcode",
    ("zig", "-fstack-protector-all"): "refused without its libc",
    ("clang", "-pg"): "ignored",
    ("zig", "-pg"): "ignored",
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One option of one compiler ("clang", or a version: "clang-22") for one core."""

    core: str
    compiler: str
    option: str

    @property
    def family(self) -> str:
        """The compiler without its version."""
        return self.compiler.partition("-")[0]

    @property
    def asked(self) -> Option:
        """What the option stands for."""
        return {**ASKED, **OPTIONS}[self.option]

    @property
    def missing(self) -> str | None:
        """Why the cell has no meaning, None where it has one."""
        floats = self.asked.floats
        if floats in ("softfp", "hard") and "fpu" not in load_target(self.core).core.features:
            return "no FPU"
        if self.core == "host" and self.option not in OPTIONS and "-m" in self.option:
            return "Arm only"
        return MISSING.get((self.family, self.option))


def core_of(cell: Cell) -> Core:
    """The core with the options that are for all code of a program: floating point, and unaligned words."""
    core, option = load_target(cell.core).core, cell.asked
    gcc, zig = core.gcc_flags, core.zig_flags
    if option.floats and "fpu" in core.features:
        gcc = (*(flag for flag in gcc if "float-abi" not in flag), f"-mfloat-abi={option.floats}")
        zig = _zig_flags(zig, option.floats)
    if option.is_strict:
        gcc = (*gcc, "-mno-unaligned-access")
        zig = tuple(f"{flag}+strict_align" if flag.startswith("-mcpu") else flag for flag in zig)
    return dataclasses.replace(core, gcc_flags=gcc, zig_flags=zig)


def _zig_flags(flags: tuple[str, ...], floats: str) -> tuple[str, ...]:
    """Zig selects by its triple, and by the features behind the core's name."""
    if floats == "hard":
        return flags
    flags = tuple(flag.replace("eabihf", "eabi") for flag in flags)
    if floats == "softfp":
        return (*flags, "-mfloat-abi=softfp")
    return tuple(flag.split("+")[0] if flag.startswith("-mcpu") else flag for flag in flags)


def cells(
    cores: tuple[str, ...] = CORES, compilers: tuple[str, ...] = COMPILERS, asked: str = "flags"
) -> list[Cell]:
    """All cells in the order of the table: `asked` is one of `SETS`."""
    return [
        Cell(core, compiler, option) for core in cores for compiler in compilers for option in SETS[asked]
    ]
