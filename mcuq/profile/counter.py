"""Counting basic blocks at the emulator's speed, by a callback compiled for the host."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mcuq.errors import fail
from mcuq.ir.types import Array
from mcuq.resources import targets_dir
from mcuq.targets import load_target
from mcuq.verify.toolchain import find_toolchain


class _State(ctypes.Structure):
    """`mcuq_block_counter` of targets/support/block_counter.c."""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("base", "halfwords", "layers", "start", "mark", "stop")),
        *((name, ctypes.c_void_p) for name in ("runs", "taken", "sizes")),
        *((name, ctypes.c_uint64) for name in ("layer", "counting", "last", "last_end", "last_layer")),
    ]


@dataclasses.dataclass(frozen=True)
class StepMarks:
    """Addresses that steer the counter: begin, next layer, end."""

    start: int
    mark: int
    stop: int


class BlockCounter:
    """Counts blocks per layer; an observer of `mcuq.verify.machines.run_image`.

    Args:
        base: first address of the code.
        code_bytes: its length.
        layers: how many layers at the most.
        marks: addresses that steer it.
        workdir: a folder for the compiled callback.
    """

    def __init__(self, base: int, code_bytes: int, layers: int, marks: StepMarks, workdir: Path) -> None:
        """Compile the callback.

        Raises:
            McuqError: T002 without a host compiler.
        """
        halfwords = code_bytes // 2 + 1
        self.base, self.marks = base, marks
        self.runs: Array = np.zeros((layers, halfwords), np.uint64)
        self.taken: Array = np.zeros((layers, halfwords), np.uint64)
        self.sizes: Array = np.zeros(halfwords, np.uint32)
        self._state = _State(
            base=base,
            halfwords=halfwords,
            layers=layers,
            start=marks.start,
            mark=marks.mark,
            stop=marks.stop,
            runs=self.runs.ctypes.data,
            taken=self.taken.ctypes.data,
            sizes=self.sizes.ctypes.data,
            last=halfwords,
        )
        self._user = ctypes.cast(ctypes.pointer(self._state), ctypes.c_void_p)
        source = targets_dir() / "support" / "block_counter.c"
        self._library = ctypes.CDLL(str(compile_observer(source, workdir)))

    def attach(self, core: object) -> None:
        """Hook the callback into a core, past Python."""
        import unicorn

        add_native_hook(core, unicorn.UC_HOOK_BLOCK, self._library.mcuq_count_block, self._user)


def add_native_hook(core: object, kind: int, function: Any, user: ctypes.c_void_p) -> None:  # noqa: ANN401
    """Have a core call a C function, everywhere.

    Args:
        core: an `unicorn.Uc`.
        kind: of hook, a constant of Unicorn.
        function: of a `ctypes.CDLL`.
        user: what it is given as its last argument; the caller keeps it alive.

    Raises:
        McuqError: T002 with a version of Unicorn that hides its handle.
    """
    try:
        from unicorn.unicorn_py3.unicorn import uclib

        handle = getattr(core, "_uch")  # noqa: B009 - private, and typed nowhere
    except (ImportError, AttributeError) as error:
        raise fail(
            "T002",
            "this version of Unicorn cannot be profiled",
            where="profile",
            why=f"its Python package has changed: {error}",
            fix='pip install "mcuq[verify]"',
        ) from error
    hook = ctypes.c_size_t()
    # An empty range (begin behind end) means everywhere.
    status = uclib.uc_hook_add(
        handle, ctypes.byref(hook), kind, ctypes.cast(function, ctypes.c_void_p), user, 1, 0
    )
    assert status == 0, status


def compile_observer(source: Path, workdir: Path, defines: Mapping[str, str] | None = None) -> Path:
    """Callbacks for an emulator as a shared library.

    Args:
        source: their C file.
        workdir: a folder for the result; made if needed.
        defines: preprocessor macros.

    Raises:
        McuqError: T002 without a host compiler.
    """
    toolchain = find_toolchain(load_target("host").core)
    workdir.mkdir(parents=True, exist_ok=True)
    flags = ["-fPIC"]
    objects = toolchain.compile(
        [source], workdir=workdir, opt="-O2", extra_flags=flags, warnings=True, defines=defines or {}
    )
    return toolchain.link(objects, workdir / f"{source.stem}.so", extra_flags=["-shared"])
