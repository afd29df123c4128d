"""CMSIS-NN for firmware that calls it: found where the user says, compiled as far as it is called."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcuq.codegen.library import SINGLE_ROUNDING
from mcuq.errors import McuqError, fail
from mcuq.ir.integer import Rounding
from mcuq.ir.plan import Plan
from mcuq.reading.files import read_file
from mcuq.verify.toolchain import CompileOptions, Toolchain

if TYPE_CHECKING:
    from typing_extensions import Unpack

# Where the library is, for commands that are not told.
VARIABLE = "MCUQ_CMSIS_NN"
_HEADERS = ("arm_nnfunctions.h", "arm_nnsupportfunctions.h", "arm_nn_types.h")
# Its headers state no version: this constant came with version 7 (targets/cmsis_nn/kernels/mcuq_cmsis_nn.h).
_SINCE_7 = "CONVERT_DW_CONV_WITH_ONE_INPUT_CH_AND_OUTPUT_CH_ABOVE_THRESHOLD"
_CALL = re.compile(r"\barm_\w+")
_DEFINITION = re.compile(r"^[A-Za-z_][\w \t*]*\b(arm_\w+)\s*\([^;{]*\)\s*\{", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Library:
    """CMSIS-NN's headers and sources.

    Args:
        folder: with `Include` and `Source`, as its repository has them.
        rounding: how it is compiled.
    """

    folder: Path
    rounding: Rounding

    @property
    def headers(self) -> tuple[str, ...]:
        """Options of compilers that see its headers, about which they do not warn."""
        return (f"-isystem{self.folder / 'Include'}", *self.defines)

    @property
    def defines(self) -> tuple[str, ...]:
        """Options that say how it rounds."""
        return (f"-D{SINGLE_ROUNDING}",) if self.rounding is Rounding.SINGLE else ()

    def compile(
        self,
        toolchain: Toolchain,
        firmware: Path,
        workdir: Path,
        **options: Unpack[CompileOptions],
    ) -> list[Path]:
        """Compile those of its files that a firmware directory's kernels need.

        Args:
            toolchain: the compiler.
            firmware: the firmware directory.
            workdir: a folder for objects; made if needed.
            **options: see `CompileOptions`.

        Raises:
            McuqError: T003 for files that do not compile.
        """
        kernels = sorted((firmware / "src").glob("mcuq_cmsis_nn_*.h"))
        sources = _called(self._texts(), (each.read_text("utf-8") for each in kernels))
        workdir.mkdir(parents=True, exist_ok=True)
        # It is written in GNU C, shifts negative numbers, and reads words by memcpy: one instruction for a
        # compiler that knows the function, and a call for one that is told of no C library.
        flags = [*options.get("extra_flags", ()), "-std=gnu11", "-fwrapv", "-fbuiltin", *self.headers]
        options["extra_flags"] = flags
        return toolchain.compile(sources, workdir=workdir, **options)

    def _texts(self) -> dict[Path, str]:
        """Its C files without comments."""
        return {path: _COMMENT.sub("", _text(path)) for path in sorted((self.folder / "Source").rglob("*.c"))}


def find_library(plan: Plan, folder: Path | None) -> Library | None:
    """The library that a firmware calls; None where it calls none.

    Args:
        plan: of the firmware.
        folder: where the library is; by default where the environment says.

    Raises:
        McuqError: O029 where it is not there, or not of version 7.
    """
    if not any(call.is_library_call for call in plan.calls):
        return None
    named = folder or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is None:
        raise fail(
            "O029",
            "the firmware calls CMSIS-NN, and nobody says where that is",
            where="--cmsis-nn",
            why=f"neither the option nor the environment variable {VARIABLE} names its folder",
            fix="give --cmsis-nn FOLDER with the library's Include and Source; to build without a proof, "
            "give --verify none",
        )
    return Library(_checked(named, "--cmsis-nn" if folder else VARIABLE), plan.program.rounding)


def _checked(folder: Path, where: str) -> Path:
    missing = [name for name in _HEADERS if not (folder / "Include" / name).is_file()]
    missing += [] if any((folder / "Source").rglob("*.c")) else ["C files"]
    if missing:
        raise fail(
            "O029",
            "the folder holds no CMSIS-NN",
            where=f"{where} {folder}",
            why=f"looked for Include/{_HEADERS[0]} and Source, missing: {', '.join(missing)}",
            fix="give the folder of the library's repository, which holds Include and Source",
        )
    if _SINCE_7 not in _text(folder / "Include" / _HEADERS[1]):
        revision = re.search(r"Revision:\s*(?:V\.)?([\d.]+)", _text(folder / "Include" / _HEADERS[2]))
        raise fail(
            "O029",
            "the folder holds an earlier version of CMSIS-NN",
            where=f"{where} {folder}",
            why="firmware calls functions of version 7; its arm_nn_types.h is of revision "
            + (revision.group(1) if revision else "unknown"),
            fix="give a folder with version 7.0.0 or later",
        )
    return folder.absolute()


def _text(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8", "replace")
    except McuqError as error:
        raise fail(
            "O029",
            "a file of CMSIS-NN cannot be read",
            where=str(path),
            why=error.problems[0].why,
            fix="give a folder whose files can be read",
        ) from None


def _called(texts: Mapping[Path, str], kernels: Iterable[str]) -> Sequence[Path]:
    """The files that define what kernels call, what these call, and so on."""
    defined = {name: path for path, text in texts.items() for name in _DEFINITION.findall(text)}
    wanted = [name for text in kernels for name in _CALL.findall(text)]
    found: set[Path] = set()
    while wanted:
        path = defined.get(wanted.pop())
        if path is not None and path not in found:
            found.add(path)
            wanted += _CALL.findall(texts[path])
    return sorted(found)
