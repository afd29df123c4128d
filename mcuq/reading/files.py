"""Regular files, within limits of size; pipes, devices, sockets and folders are refused without waiting."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from mcuq.errors import McuqError, fail

MAX_TEXT_BYTES = 64 << 20
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file to read it.

    Raises:
        McuqError: O012 where it is missing or may not be read, O014 where it is no file.
    """
    # Opening a pipe waits for a writer unless told not to; what was opened is looked at, not its name.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _not_opened(path, error) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _no_file(path, mode)
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """All of a regular file.

    Args:
        path: the file.
        limit: the most bytes it may have.

    Raises:
        McuqError: O012 where it is missing or cannot be read, O014 where it is no file, O015 where it has
            more bytes.
    """
    with open_file(path) as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            data = stream.read(limit + 1) if size <= limit else b""
        except OSError as error:
            raise _unreadable(path, str(error.strerror or error)) from error
    if size > limit or len(data) > limit:
        raise fail(
            "O015",
            "a file is absurdly large",
            where=str(path),
            why=f"it has {size:_} bytes, the limit of its kind is {limit:_}",
            fix="check that it is the right file",
        )
    return data


def check_current_folder() -> None:
    """Refuse to work from a folder that was deleted: nothing relative to it can be found or written.

    Raises:
        McuqError: O016.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise fail(
            "O016",
            "the current folder does not exist any more",
            where="the current folder",
            why=str(error.strerror or error).lower(),
            fix="change to another folder, as with `cd ~`",
        ) from error


def _not_opened(path: Path, error: OSError | ValueError) -> McuqError:
    mode = 0
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        mode = path.stat().st_mode
    # A socket cannot be opened, and on some systems neither can a folder.
    if stat.S_ISSOCK(mode) or stat.S_ISDIR(mode):
        return _no_file(path, mode)
    return _unreadable(path, str(getattr(error, "strerror", None) or error))


def _unreadable(path: Path, why: str) -> McuqError:
    return fail(
        "O012",
        "a file does not exist or cannot be read",
        where=str(path),
        why=why.lower(),
        fix="check the path and its permissions",
    )


def _no_file(path: Path, mode: int) -> McuqError:
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "neither file nor folder")
    return fail(
        "O014",
        "a path that should be a file is none",
        where=str(path),
        why=f"it is {kind}",
        fix="give a file; copy what a pipe or a device gives into one",
    )
