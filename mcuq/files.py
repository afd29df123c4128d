"""Files written whole or not at all, and temporary folders; what the disk refuses is a refusal of mcuq."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mcuq.errors import McuqError, fail

_NEW = ".mcuq-new"


def replace_file(path: Path, data: bytes, what: str, option: str = "--output") -> None:
    """Write a file; where the disk refuses, what was there before is still there.

    Args:
        path: a file, new or not; devices and pipes are written to.
        data: all of it.
        what: names it in errors, as "the ranges".
        option: that says where it goes.

    Raises:
        McuqError: O012.
    """
    try:
        _replace(_target(path), data)
    except (OSError, RuntimeError) as error:  # Python before 3.13 has RuntimeError for links in a circle
        raise fail(
            "O012",
            f"{what} cannot be written",
            where=f"{option} {path}",
            why=str(getattr(error, "strerror", None) or error),
            fix=f"choose another {option}, or free some space",
        ) from error


def _target(path: Path) -> Path:
    """Where a path leads.

    Raises:
        OSError: for links in a circle, which Python from 3.13 on leaves as they are.
    """
    target = path.resolve()
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _replace(path: Path, data: bytes) -> None:
    if (path.exists() and not path.is_file()) or not os.access(path.parent, os.W_OK):
        path.write_bytes(data)
        return
    new = path.with_name(f".{path.name}{_NEW}")
    try:
        with new.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            shutil.copymode(path, new)
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A temporary folder for the time of a `with`.

    Args:
        purpose: a word of its name.

    Raises:
        McuqError: O012 where a file, in it or not, cannot be read or written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f"mcuq-{purpose}-") as name:
            yield Path(name)
    except OSError as error:
        raise _refused(error) from error


def _refused(error: OSError) -> McuqError:
    return fail(
        "O012",
        "a temporary file cannot be written, or a file cannot be read",
        where=str(error.filename or "the folder for temporary files"),
        why=str(error.strerror or error),
        fix="free some space, or let TMPDIR name a folder on another disk",
    )
