"""Stored programs: what a firmware directory keeps to be built again."""

from __future__ import annotations

from pathlib import Path

from mcuq.ir.program import Program
from mcuq.ir.store import MAX_BYTES, program_from_npz
from mcuq.ops.registry import STEP_OPS
from mcuq.reading.files import read_file

STORED_SUFFIX = ".mcuq.npz"


def load_program(path: Path) -> Program:
    """A stored program.

    Raises:
        McuqError: O012 where the file is missing, O014 where it is no file, O015 where it is absurdly large,
            M009 where it is damaged.
    """
    return program_from_npz(read_file(path, MAX_BYTES), path.name, STEP_OPS)
