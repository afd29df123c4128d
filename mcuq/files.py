"""Files written atomically, and temporary folders; errors of the disk become refusals of mcuq."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from mcuq.cleanup import temporary_folder, undisturbed
from mcuq.errors import McuqError, fail

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NEW, _LOCK = ".mcuq-new", ".mcuq-lock"
_PATIENCE_S, _POLL_S = 60.0, 0.02


def replace_file(path: Path, data: bytes, what: str, option: str = "--output") -> None:
    """Write a file atomically; on failure the old content stays.

    Args:
        path: a file, new or not; devices and pipes are written to.
        data: all of it.
        what: names it in errors, as "the ranges".
        option: that says where it goes.

    Raises:
        McuqError: O012, O018 where another process writes it and does not finish.
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
    with owned(path):
        _replace_owned(path, data)


def _replace_owned(path: Path, data: bytes) -> None:
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
def owned(path: Path) -> Iterator[None]:
    """For the duration of a `with`, no other process or thread writes to a path, and no signal ends this one.

    The system locks a file beside the path, and gives it free when its owner ends, however that ends. The
    file is removed; one that a killed owner left stands in nobody's way.

    Args:
        path: a file or folder, there or not, in a folder that is.

    Raises:
        McuqError: O018 where another owner does not finish.
        OSError: where the disk refuses.
    """
    end = time.monotonic() + _PATIENCE_S
    lock = path.with_name(f".{path.name}{_LOCK}")
    with contextlib.ExitStack() as stack:
        while True:
            stack.enter_context(undisturbed())
            descriptor = _try_lock(lock)
            if descriptor is not None:
                break
            stack.close()
            if time.monotonic() > end:
                raise _taken(path)
            time.sleep(_POLL_S)
        stack.callback(_unlock, lock, descriptor)
        yield


def _try_lock(lock: Path) -> int | None:
    """A descriptor of the locked file, None while another has it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if _is_locked(descriptor) and os.path.samestat(os.fstat(descriptor), lock.stat()):
            return descriptor
    except FileNotFoundError:
        pass  # its owner removed it, after it was opened here
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _unlock(lock: Path, descriptor: int) -> None:
    # While it is locked; Windows removes no file that is open, and none that somebody else has opened.
    if sys.platform != "win32":
        lock.unlink(missing_ok=True)
    os.close(descriptor)
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            lock.unlink()


def _taken(path: Path) -> McuqError:
    return fail(
        "O018",
        "another process is writing the same output",
        where=str(path),
        why=f"it has not finished in {_PATIENCE_S:g} s",
        fix="let it finish, end it, or choose another --output",
    )


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A temporary folder for the duration of a `with`.

    Args:
        purpose: a word of its name.

    Raises:
        McuqError: O012 where a file, in it or not, cannot be read or written.
    """
    try:
        with temporary_folder(f"mcuq-{purpose}-") as folder:
            yield folder
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
