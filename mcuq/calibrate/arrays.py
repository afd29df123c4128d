"""Array files: where the numbers of a .npy or .npz lie, checked against the size of the file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mcuq.errors import McuqError, fail
from mcuq.ir.types import Array, Shape
from mcuq.reading.archive import ZIP_ERRORS, Archive
from mcuq.reading.files import open_file
from mcuq.reading.npy import NpyError, NpyHeader, read_npy_header

# All compressed arrays of a file together; stored ones have no limit, they are read where they lie.
MAX_INFLATED_BYTES = 512 << 20


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
        McuqError: O012 missing; O014 no file; O004 corrupt or truncated; O007 elements that are not numbers.
    """
    with open_file(path) as stream:
        try:
            header = read_npy_header(stream)
            check_dtype(header.dtype, path)
            header.check_size(os.fstat(stream.fileno()).st_size)
        except (NpyError, OSError) as error:
            raise corrupt(path, str(error)) from error
    return _array_file(path, header, header.offset_bytes)


def _array_file(path: Path, header: NpyHeader, offset_bytes: int) -> ArrayFile:
    return ArrayFile(path, offset_bytes, header.dtype, header.shape, header.is_fortran)


class Npz:
    """A .npz file: stored arrays stay in the file, compressed ones are read when they are asked for."""

    def __init__(self, path: Path) -> None:
        """Read the names of its arrays.

        Raises:
            McuqError: O012 missing; O014 no file; O004 corrupt.
        """
        self._path = path
        with self._open(str(path), MAX_INFLATED_BYTES) as archive:
            members = [name for name in archive.names if name.endswith(".npy")]
        self._members = {name[: -len(".npy")]: name for name in members}
        self._left = MAX_INFLATED_BYTES

    @property
    def keys(self) -> tuple[str, ...]:
        """The arrays' names, in the file's order."""
        return tuple(self._members)

    def header(self, key: str) -> NpyHeader:
        """Type and shape of an array.

        Raises:
            McuqError: O004 corrupt or absurdly compressed; O007 not numbers.
        """
        with self._open(self._label(key), self._left) as archive:
            header = archive.header(self._members[key])
        check_dtype(header.dtype, self._label(key))
        return header

    def read(self, key: str) -> ArrayFile | Array:
        """An array; its values where it is compressed.

        Raises:
            McuqError: O004 corrupt or absurdly compressed; O007 not numbers.
        """
        header, name = self.header(key), self._members[key]
        with self._open(self._label(key), self._left) as archive:
            if archive.is_stored(name):
                return _array_file(self._path, header, archive.values_offset(name))
            values = archive.array(name)
        self._left -= values.nbytes
        return values

    def _label(self, key: str) -> str:
        return f"{self._path}, array '{key}'"

    @contextlib.contextmanager
    def _open(self, label: str, limit_bytes: int) -> Iterator[Archive]:
        with open_file(self._path) as stream:
            try:
                yield Archive(stream, limit_bytes)
            except ZIP_ERRORS as error:
                raise corrupt(label, f"not a sound npz file: {error}") from error


def check_dtype(dtype: np.dtype[np.generic], label: Path | str) -> None:
    """Accept real numbers of at most 64 bits, and truth values, which are 0 and 1.

    Raises:
        McuqError: O007.
    """
    if dtype.kind in "fiub" and dtype.itemsize <= 8:
        return
    raise fail(
        "O007",
        f"input data of type {dtype} is not real numbers",
        where=str(label),
        why=f"found {dtype}, expected float32 (float16, float64 and integers are converted)",
        fix="convert the array with .astype(numpy.float32)",
    )
