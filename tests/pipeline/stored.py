"""Stored programs, taken apart and put together again with damage."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mcuq.ir.program import Program
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ops.registry import STEP_OPS

HEADER = "program.json"


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The document and the array members of a stored program."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    return json.loads(members.pop(HEADER)), members


def pack(document: object, members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(HEADER, json.dumps(document))
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def edited(program: Program, edit: Callable[[dict[str, Any], dict[str, bytes]], object]) -> bytes:
    """The stored program after `edit` has changed its document (the program's) and members."""
    document, members = unpack(program_to_npz(program))
    edit(document["program"], members)
    return pack(document, members)


def load(data: bytes) -> Program:
    return program_from_npz(data, "x.mcuq.npz", STEP_OPS)
