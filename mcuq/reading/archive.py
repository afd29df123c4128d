"""Zip archives: a member is inflated when it is asked for, and together they never give more than a limit."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import IO, BinaryIO, cast

import numpy as np

from mcuq.reading.npy import NpyError, NpyHeader, read_npy_header

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # encryption, unknown methods
    ValueError,
    OverflowError,
    LookupError,
    OSError,
)
_CHUNK_BYTES = 1 << 20
_MAX_READ_BYTES = 8 << 20  # a directory of 100,000 members
_MAX_RATIO = 1032  # deflate cannot do better
_BOMB_RATIO = 100
_BOMB_BYTES = 1 << 28


class _Bounded(io.RawIOBase):
    """A file that refuses to read very much at once: an archive's directory is read whole."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            here = self.tell()
            size = self.seek(0, io.SEEK_END) - here
            self.seek(here)
        if size > _MAX_READ_BYTES:
            raise zipfile.BadZipFile(f"its directory is larger than {_MAX_READ_BYTES:_} bytes")
        return self._stream.read(size)


class Archive:
    """The members of a zip archive.

    What is called wrong about one of them is an error of `ZIP_ERRORS`, `NpyError` among them.
    """

    def __init__(self, stream: BinaryIO, limit_bytes: int) -> None:
        """Read the directory.

        Args:
            stream: the archive; it has to stay open.
            limit_bytes: what all members that are read may give together.
        """
        self._stream = stream
        self._limit = self._left = limit_bytes
        self._zip = zipfile.ZipFile(cast("IO[bytes]", _Bounded(stream)))
        size = stream.seek(0, io.SEEK_END)
        if sum(info.compress_size for info in self._zip.infolist()) > size:
            raise zipfile.BadZipFile("its members overlap")

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names, each once."""
        return tuple(dict.fromkeys(self._zip.namelist()))

    def is_stored(self, name: str) -> bool:
        """Whether a member is not compressed."""
        return self._info(name).compress_type == zipfile.ZIP_STORED

    def read(self, name: str) -> bytes:
        """All of a member."""
        info = self._info(name)
        self._take(info.file_size)
        with self._zip.open(info) as stream:
            return _fill(stream, info.file_size).tobytes()

    def header(self, name: str) -> NpyHeader:
        """The header of an array; unless its elements are objects, its size fits the member's."""
        info = self._info(name)
        with self._zip.open(info) as stream:
            header = read_npy_header(cast("BinaryIO", stream))
        if not header.dtype.hasobject:  # pickled, of any size
            header.check_size(info.file_size)
        return header

    def array(self, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        """An array in memory; one of Python's objects is refused."""
        info, header = self._info(name), self.header(name)
        if header.dtype.hasobject or not header.dtype.itemsize:
            raise NpyError(f"its elements are {header.dtype}")
        self._take(header.values_bytes)
        with self._zip.open(info) as stream:
            stream.read(header.offset_bytes)
            values = _fill(stream, header.values_bytes).view(header.dtype)
        return values.reshape(header.shape, order="F" if header.is_fortran else "C")

    def values_offset(self, name: str) -> int:
        """Where the values of a stored array start in the archive, its checksum compared."""
        info, header = self._info(name), self.header(name)
        with self._zip.open(info) as stream:
            while stream.read(_CHUNK_BYTES):  # to the end, where zipfile compares the checksum
                pass
        # After the local header of 30 bytes, the name and an extra field.
        self._stream.seek(info.header_offset + 26)
        lengths = self._stream.read(4)
        skipped = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        return info.header_offset + 30 + skipped + header.offset_bytes

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = self._zip.getinfo(name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile(f"compression method {info.compress_type} is not NumPy's")
        ratio = info.file_size / max(info.compress_size, 1)
        limit = _BOMB_RATIO if info.file_size > _BOMB_BYTES else _MAX_RATIO
        if info.compress_type == zipfile.ZIP_STORED:
            limit = 1
        if ratio > limit and (info.file_size > 1 << 16 or limit == 1):
            raise zipfile.BadZipFile(
                f"{info.compress_size} bytes claim to hold {info.file_size}, more than {limit} times as many"
            )
        return info

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise zipfile.BadZipFile(f"its members give more than {self._limit:_} bytes together")


def _fill(stream: IO[bytes], count: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """A number of bytes, the last of a member, so that its checksum is compared.

    Read bit by bit: zipfile inflates what it is asked for, and asked for all it believes no size.
    """
    out = np.empty(count, np.uint8)
    done = 0
    while done < count:
        part = stream.read(min(_CHUNK_BYTES, count - done))
        if not part:
            raise EOFError(f"it ends after {done} of {count} bytes")
        out[done : done + len(part)] = np.frombuffer(part, np.uint8)
        done += len(part)
    if stream.read(1):
        raise zipfile.BadZipFile("it goes on behind its end")
    return out
