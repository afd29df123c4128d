"""Which compilers there are, by name and version, and each as a toolchain for a core."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mcuq.targets import Core, load_target
from mcuq.verify.toolchain import Toolchain, find_toolchain
from tests.flags.cells import Cell

# More of them, as "/one/bin/arm-none-eabi-gcc:/another/zig".
MORE = "MCUQ_FLAGS_COMPILERS"
GCC_VERSIONS = range(9, 17)
CLANG_VERSIONS = range(13, 31)


class Borrowing(Toolchain):
    """A compiler that leaves linking to the GCC that was installed for the core, with its libgcc."""

    def link(self, *args, **kwargs):
        """As `Toolchain.link`."""
        return find_toolchain(self.core, "gcc").link(*args, **kwargs)


@dataclasses.dataclass(frozen=True)
class Found:
    """A compiler's program.

    Args:
        path: of it.
        is_for_arm: whether it compiles for Arm's cores.
        is_for_host: whether it compiles for the computer.
    """

    path: str
    is_for_arm: bool = True
    is_for_host: bool = True


def first_line(path: str) -> str:
    """What a compiler says of itself."""
    arguments = [path, "version"] if Path(path).name == "zig" else [path, "--version"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    # TCC has another option for it.
    lines = done.stdout.splitlines() or [""]
    return lines[0]


def _more() -> dict[str, Found]:
    found = {}
    for path in filter(None, os.environ.get(MORE, "").split(":")):
        kind = next(kind for kind in ("zig", "clang", "gcc") if kind in Path(path).name)
        version = re.findall(r"\d+\.\d+\.\d+", first_line(path))[-1]
        is_cross = "none-eabi" in Path(path).name
        found[f"{kind}-{version}"] = Found(
            path, is_for_arm=is_cross or kind != "gcc", is_for_host=not is_cross
        )
    return found


@functools.lru_cache(maxsize=1)
def versions() -> Mapping[str, Found]:
    """All that are installed, with their versions."""
    found = {}
    for number in GCC_VERSIONS:
        if path := shutil.which(f"gcc-{number}"):
            found[f"gcc-{number}"] = Found(path, is_for_arm=False)
    if path := shutil.which("arm-none-eabi-gcc"):
        version = re.findall(r"\d+\.\d+\.\d+", first_line(path))[-1]
        found[f"gcc-{version}"] = Found(path, is_for_host=False)
    for number in CLANG_VERSIONS:
        if path := shutil.which(f"clang-{number}"):
            found[f"clang-{number}"] = Found(path)
    if importlib.util.find_spec("ziglang") is not None:
        zig = find_toolchain(load_target("host").core, "zig")
        found[f"zig-{zig.version}"] = Found(zig.command[0])
    found |= _more()
    if path := shutil.which("tcc"):
        found["tcc"] = Found(path, is_for_arm=False)
    return found


def versions_for(core: str) -> list[str]:
    """The names of those that compile for a core."""
    is_host = core == "host"
    return [name for name, it in versions().items() if (it.is_for_host if is_host else it.is_for_arm)]


def toolchain_of(cell: Cell, core: Core) -> Toolchain:
    """The compiler of a cell.

    Raises:
        McuqError: T002 where it is not installed.
    """
    if cell.compiler in ("gcc", "zig"):
        return find_toolchain(core, "zig" if cell.compiler == "zig" else "gcc")
    path = shutil.which("clang") if cell.compiler == "clang" else versions()[cell.compiler].path
    assert path is not None
    version = first_line(path)
    if cell.family == "zig":
        return Toolchain("zig", version, "zig", (path, "cc"), core)
    if core.is_host:
        return Toolchain(cell.compiler, version, "clang" if cell.family == "clang" else "gcc", (path,), core)
    if cell.family == "gcc":
        return Borrowing(cell.compiler, version, "gcc", (path,), core)
    # Other than GCC, version 14 allows no unaligned words to cores without an operating system by itself.
    unaligned = ["-munaligned-access"] if cell.core != "cortex-m0plus" else []
    return Borrowing(cell.compiler, version, "clang", (path, "--target=arm-none-eabi", *unaligned), core)


def lacks_option(cell: Cell, toolchain: Toolchain, folder: Path) -> bool:
    """Whether the compiler itself refuses the option, for an empty file as well."""
    source = folder / "nothing.c"
    source.write_text("typedef int nothing;\n")
    flags = [
        *toolchain.core_flags,
        *cell.asked.flags,
        "-Werror",
        "-c",
        str(source),
        "-o",
        str(folder / "it.o"),
    ]
    done = subprocess.run([*toolchain.command, *flags], capture_output=True, check=False)
    return done.returncode != 0
