"""Array files from strangers: where the numbers lie in a .npy or .npz, believed only after checking."""

from __future__ import annotations

import dataclasses
import math
import os
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from mcuq.errors import McuqError, fail
from mcuq.ir.types import Array, Shape

_MAX_RATIO = 1032  # deflate cannot do better
_BOMB_RATIO = 100
_BOMB_BYTES = 1 << 28
_CHUNK_BYTES = 1 << 20
_HEADER_ERRORS = (
    ValueError,
    TypeError,
    SyntaxError,
    OverflowError,
    RecursionError,
    MemoryError,
    EOFError,
    tokenize.TokenError,
    IndexError,
    KeyError,
    AttributeError,
)
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayFile:
    """An uncompressed array inside a file, its size checked against the file's.

    Args:
        path: the file.
        offset_bytes: where the values start.
        dtype: element type as stored.
        shape: as stored.
        is_fortran: whether the first axis varies fastest.
    """

    path: Path
    offset_bytes: int
    dtype: np.dtype[np.generic]
    shape: Shape
    is_fortran: bool

    def rows(self, start: int, stop: int) -> Array:
        """Copy of `array[start:stop]`.

        Raises:
            McuqError: O004 when the file has changed since it was checked.
        """
        # Mapped anew for each read: pages of one long-lived map would add up to the whole file.
        try:
            mapped: Array = np.memmap(
                self.path,
                dtype=self.dtype,
                mode="r",
                offset=self.offset_bytes,
                shape=self.shape,
                order="F" if self.is_fortran else "C",
            )
        except (OSError, ValueError) as error:
            raise corrupt(self.path, str(error)) from error
        return np.array(mapped[start:stop], order="C")


def corrupt(path: Path | str, why: str) -> McuqError:
    """O004 for a file that cannot be read as what it claims to be."""
    return fail(
        "O004",
        f"cannot read '{path}'",
        where=str(path),
        why=" ".join(why.split()) or "unknown",
        fix="write the file again, for instance with numpy.save or numpy.savez",
    )


def missing(path: Path) -> McuqError:
    """O012 for a path that does not exist."""
    return fail(
        "O012",
        f"there is no '{path}'",
        where=str(path),
        why="the path does not exist or may not be read",
        fix="check the path and its permissions",
    )


def open_npy(path: Path) -> ArrayFile:
    """Check a .npy file.

    Raises:
        McuqError: O012 missing; O004 corrupt or truncated; O007 elements that are not numbers.
    """
    try:
        with path.open("rb") as stream:
            return _read_header(stream, path, os.fstat(stream.fileno()).st_size)
    except OSError as error:
        raise missing(path) from error


def open_npz(path: Path) -> dict[str, ArrayFile | Array]:
    """Check the arrays of a .npz file: stored ones stay in the file, compressed ones are read.

    Returns:
        Arrays by key, in the file's order.

    Raises:
        McuqError: O012 missing; O004 corrupt, truncated or absurdly compressed; O007 not numbers.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise missing(path) from error
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if sum(info.compress_size for info in members) > size:
                raise corrupt(path, "its members overlap")
            return {info.filename[: -len(".npy")]: _open_member(path, archive, info) for info in members}
    except _ZIP_ERRORS as error:
        raise corrupt(path, f"not a sound npz file: {error}") from error


def _open_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayFile | Array:
    """One array of a .npz file."""
    label = f"{path}, array '{info.filename}'"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise corrupt(label, f"compression method {info.compress_type} is not NumPy's")
    _check_expansion(label, info)
    with archive.open(info) as stream:
        found = _read_header(stream, label, info.file_size)
        if info.compress_type == zipfile.ZIP_DEFLATED:
            values = np.frombuffer(stream.read(), found.dtype)
            return values.reshape(found.shape, order="F" if found.is_fortran else "C")
        while stream.read(_CHUNK_BYTES):  # to the end, where zipfile compares the checksum
            pass
    offset = _member_offset(path, info) + found.offset_bytes
    return dataclasses.replace(found, path=path, offset_bytes=offset)


def _check_expansion(label: str, info: zipfile.ZipInfo) -> None:
    """Refuse what would grow beyond reason when decompressed."""
    ratio = info.file_size / max(info.compress_size, 1)
    limit = _BOMB_RATIO if info.file_size > _BOMB_BYTES else _MAX_RATIO
    if info.compress_type == zipfile.ZIP_STORED:
        limit = 1
    if ratio > limit and info.file_size > 1 << 16:
        raise corrupt(
            label,
            f"{info.compress_size} bytes claim to hold {info.file_size}, more than {limit} times as many",
        )


def _member_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a stored member's bytes start: after its local header of 30 bytes, name and extra field."""
    with path.open("rb") as stream:
        stream.seek(info.header_offset + 26)
        lengths = stream.read(4)
    return (
        info.header_offset
        + 30
        + int.from_bytes(lengths[:2], "little")
        + int.from_bytes(lengths[2:], "little")
    )


def _read_header(stream: IO[bytes], label: Path | str, size_bytes: int) -> ArrayFile:
    """Parse a .npy header and hold it against the size of the file it stands in."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers of old NumPy versions
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0
            # 3.0 differs from 2.0 in the encoding of field names only, and records are refused anyway.
            header = (read if version == (1, 0) else np.lib.format.read_array_header_2_0)(stream)
    except _HEADER_ERRORS as error:
        raise corrupt(label, f"no sound npy header: {error}") from error
    shape, is_fortran, dtype = header
    check_dtype(dtype, label)
    offset = stream.tell()
    takes = offset + math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or takes != size_bytes:
        raise corrupt(label, f"shape {shape} of {dtype} takes {takes} bytes, but there are {size_bytes}")
    return ArrayFile(Path(label), offset, dtype, tuple(shape), bool(is_fortran))


def check_dtype(dtype: np.dtype[np.generic], label: Path | str) -> None:
    """Accept real numbers of at most 64 bits.

    Raises:
        McuqError: O007.
    """
    if dtype.kind in "fiu" and dtype.itemsize <= 8:
        return
    raise fail(
        "O007",
        f"input data of type {dtype} is not real numbers",
        where=str(label),
        why=f"found {dtype}, expected float32 (float16, float64 and integers are converted)",
        fix="convert the array with .astype(numpy.float32)",
    )
