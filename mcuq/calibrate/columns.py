"""The samples of one input, read a few at a time from wherever they lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from mcuq.calibrate.arrays import ArrayFile, open_npy
from mcuq.errors import McuqError, fail
from mcuq.ir.types import Array, Float32, Int64, Shape, elem_count

_SCAN_VALUES = 1 << 18  # a block of samples fits the cache
_EXACT_INT = 2**53


class Column(Protocol):
    """All samples of one input."""

    @property
    def shape(self) -> Shape:
        """The shape of one sample, the model's own."""

    def __len__(self) -> int:
        """Number of samples."""

    def read(self, indices: Int64) -> Float32:
        """The samples at some indices, `[len(indices), *shape]`.

        Raises:
            McuqError: O004, O006, O007 or O008 when what is read turns out not to fit.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayColumn:
    """Samples of an array in memory or in a file.

    Args:
        source: `[n, *shape]`, or `[n, *shape[1:]]` when the shape starts with 1.
        shape: the shape of one sample.
        label: what to call it in errors.
    """

    source: ArrayFile | Array
    shape: Shape
    label: str

    def __len__(self) -> int:
        return self.source.shape[0]

    def read(self, indices: Int64) -> Float32:
        if isinstance(self.source, ArrayFile):
            rows = _read_file_rows(self.source, indices)
        else:
            rows = self.source[indices]
        values = to_float32(rows, lambda row: f"{self.label}, sample {indices[row]}")
        return values.reshape(len(indices), *self.shape)

    def check(self) -> None:
        """Read everything once, a block at a time.

        Raises:
            McuqError: O007 or O008 for the first sample that is not finite float32 values.
        """
        step = max(1, _SCAN_VALUES // max(elem_count(self.shape), 1))
        for start in range(0, len(self), step):
            self.read(np.arange(start, min(start + step, len(self))))


@dataclasses.dataclass(frozen=True, slots=True)
class NpyFolderColumn:
    """One sample a .npy file, without or with a batch axis of 1.

    Args:
        paths: the files; their headers are checked when they are read.
        shape: the shape of one sample.
    """

    paths: tuple[Path, ...]
    shape: Shape

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Int64) -> Float32:
        out = np.empty((len(indices), *self.shape), np.float32)
        for row, index in enumerate(indices):
            out[row] = self._read_file(self.paths[index])
        return out

    def _read_file(self, path: Path) -> Float32:
        """One sample, in the model's shape."""
        source = open_npy(path)
        shape = source.shape
        if shape != self.shape and (1, *shape) != self.shape and shape != (1, *self.shape):
            raise wrong_shape(str(path), shape, sample_forms(self.shape))
        whole = dataclasses.replace(source, shape=(1, *shape))
        return to_float32(whole.rows(0, 1), lambda _: str(path)).reshape(self.shape)


def sample_forms(shape: Shape) -> str:
    """The shapes in which a file may hold one sample, for errors."""
    return f"{shape[1:]} or {shape}" if shape[:1] == (1,) else f"{shape} or {(1, *shape)}"


def wrong_shape(where: str, found: Shape, expected: str) -> McuqError:
    """O006 with both shapes."""
    return fail(
        "O006",
        "input data does not fit the model's input",
        where=where,
        why=f"found shape {found}, expected {expected}",
        fix="give the samples in the model's own layout, stacked along a first axis",
    )


def to_float32(rows: Array, name: Callable[[int], str]) -> Float32:
    """Convert samples to float32 where that is faithful.

    Floats are rounded and must be finite before and after; integers must convert exactly.

    Args:
        rows: `[k, ...]` of a real type of at most 64 bits.
        name: calls row i by its name in errors.

    Returns:
        A new or the same array, float32 in native byte order.

    Raises:
        McuqError: O007 integers float32 cannot hold; O008 NaN or infinity.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.asarray(rows, np.float32)
    if rows.dtype.kind in "iu":
        _check_exact(rows, values, name)
    elif not np.isfinite(values).all():
        raise _not_finite(values, name)
    return values


def _check_exact(rows: Array, values: Float32, name: Callable[[int], str]) -> None:
    """Refuse integers that float32 rounds."""
    if rows.dtype.itemsize <= 2:
        return
    wide = values.astype(np.float64)
    # Beyond 2^53 the comparison itself would round.
    bad = (wide != rows.astype(np.float64)) | (np.abs(wide) > _EXACT_INT)
    if not bad.any():
        return
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    raise fail(
        "O007",
        "input data of an integer type is not exact in float32",
        where=name(int(index[0])),
        why=f"found {rows.dtype} value {rows[index]}, float32 holds integers up to 16777216",
        fix="scale the data and store it as float32",
    )


def _not_finite(values: Float32, name: Callable[[int], str]) -> McuqError:
    """O008 for the first value that is not finite."""
    bad = ~np.isfinite(values)
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return fail(
        "O008",
        "input data holds NaN or infinity",
        where=name(int(index[0])),
        why=f"found {values[index]} at index {tuple(map(int, index[1:]))} of the sample, as float32",
        fix="remove or repair the sample",
    )


def _read_file_rows(source: ArrayFile, indices: Int64) -> Array:
    """Rows of a file; neighbours in one read."""
    if len(indices) and np.array_equal(indices, np.arange(indices[0], indices[0] + len(indices))):
        return source.rows(int(indices[0]), int(indices[-1]) + 1)
    parts = [source.rows(int(i), int(i) + 1) for i in indices]
    return np.concatenate(parts) if parts else source.rows(0, 0)
