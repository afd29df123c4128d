"""Class labels of samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mcuq.calibrate.arrays import corrupt, missing, open_npy
from mcuq.calibrate.folder import list_files
from mcuq.errors import McuqError, fail
from mcuq.ir.types import Int64


def read_labels(path: Path, count: int) -> Int64:
    """Read the class of every sample.

    Args:
        path: a .npy file of integers `[n]` or `[n, 1]`, or a folder with one folder per class, whose files
            are taken in the order of `list_files`.
        count: the number of samples to label.

    Returns:
        int64 `[count]`, none negative.

    Raises:
        McuqError: O012 missing; O004 unreadable; O007 not integers; O009 another number of labels, negative
            ones, or a folder without classes.
    """
    if path.is_dir():
        labels = _folder_labels(path)
    elif not path.exists():
        raise missing(path)
    elif path.suffix.lower() == ".npy":
        labels = _npy_labels(path, count)
    else:
        raise corrupt(path, f"'{path.suffix}' is neither .npy nor a folder per class")
    if len(labels) != count:
        raise _mismatch(path, f"found {len(labels)} labels, expected {count}, one per sample")
    if labels.min(initial=0) < 0:
        raise _mismatch(path, f"found label {labels.min()}, expected 0 or more")
    return labels


def _npy_labels(path: Path, count: int) -> Int64:
    """Labels of a .npy file."""
    source = open_npy(path)
    if source.dtype.kind not in "iu":
        raise fail(
            "O007",
            "labels are not integers",
            where=str(path),
            why=f"found {source.dtype}, expected an integer type",
            fix="store the class of each sample as an integer",
        )
    if source.shape[1:] not in ((), (1,)) or not source.shape:
        raise _mismatch(path, f"found shape {source.shape}, expected (n,)")
    if source.shape[0] != count:
        raise _mismatch(path, f"found {source.shape[0]} labels, expected {count}, one per sample")
    if not count:
        return np.zeros(0, np.int64)
    return source.rows(0, count).reshape(-1).astype(np.int64)


def _folder_labels(path: Path) -> Int64:
    """Labels of a folder per class."""
    labels = [file.label for file in list_files(path)]
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        raise _mismatch(path, "found files, expected one folder per class")
    if max(known, default=0) >= 1 << 31:
        raise _mismatch(path, f"found class {max(known)}, expected less than {1 << 31}")
    return np.array(known, np.int64)


def _mismatch(path: Path, why: str) -> McuqError:
    """O009 with its reason."""
    return fail(
        "O009",
        "labels do not match the samples",
        where=str(path),
        why=why,
        fix="give one class number per sample, in the samples' order",
    )
