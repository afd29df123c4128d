"""The header of NumPy's array files, believed only after checking."""

from __future__ import annotations

import dataclasses
import io
import math
import tokenize
import warnings
from typing import BinaryIO

import numpy as np

_MAX_HEADER_BYTES = 10_000  # what NumPy itself parses
_HEADER_ERRORS = (
    ValueError,
    TypeError,
    SyntaxError,
    OverflowError,
    RecursionError,
    MemoryError,
    EOFError,
    tokenize.TokenError,
    LookupError,
    AttributeError,
)


class NpyError(ValueError):
    """The bytes are no sound array file; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class NpyHeader:
    """What a header says.

    Args:
        dtype: element type as stored, without objects.
        shape: as stored.
        is_fortran: whether the first axis varies fastest.
        offset_bytes: where the values start.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    is_fortran: bool
    offset_bytes: int

    @property
    def values_bytes(self) -> int:
        """What the values take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def check_size(self, size_bytes: int) -> None:
        """Hold the shape against the size of the whole file.

        Raises:
            NpyError: where they differ.
        """
        takes = self.offset_bytes + self.values_bytes
        if takes != size_bytes:
            raise NpyError(
                f"shape {self.shape} of {self.dtype} takes {takes} bytes, but there are {size_bytes}"
            )


def read_npy_header(stream: BinaryIO) -> NpyHeader:
    """Read the header that a stream stands before; the stream stands before the values then.

    Raises:
        NpyError: where there is none.
    """
    try:
        return _parse(stream)
    except _HEADER_ERRORS as error:
        raise NpyError(f"no sound npy header: {error}") from error


def _parse(stream: BinaryIO) -> NpyHeader:
    version = np.lib.format.read_magic(stream)
    field = stream.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(field, "little")
    # Read before it is parsed: NumPy would read what the field says, up to 4 GB.
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"it claims {length} bytes, the limit is {_MAX_HEADER_BYTES}")
    # 3.0 differs from 2.0 in the encoding of field names only, and records are refused anyway.
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    text = io.BytesIO(field + stream.read(length))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers of old NumPy versions
        shape, is_fortran, dtype = read(text)
    # A bool is an int in Python, but no size.
    if not all(type(size) is int and 0 <= size < 1 << 63 for size in shape):
        raise ValueError("its shape holds what is no size")
    start = len(np.lib.format.MAGIC_PREFIX) + 2 + len(field) + length
    return NpyHeader(dtype, shape, bool(is_fortran), start)
