"""Firmware directories on disk: written once, at the end, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mcuq.errors import McuqError, fail
from mcuq.files import owned
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_json

_ASIDE = ".mcuq-old"
_NEW = ".mcuq-new"
_READS, _READ_AGAIN_S = 20, 0.01
T = TypeVar("T")


def find_manifest(directory: Path) -> Path | None:
    """The manifest of a firmware directory, None where there is not exactly one."""
    manifests = sorted(directory.glob("*.mcuq.json"))
    return manifests[0] if len(manifests) == 1 else None


def recover(directory: Path) -> None:
    """Finish or undo what a killed build left behind beside `directory`; only who will write there may.

    Raises:
        McuqError: O012 where the disk refuses, O018 where another process writes there and does not finish.
    """
    with _owned(directory):
        _recover(directory)


@contextlib.contextmanager
def _owned(directory: Path) -> Iterator[None]:
    """`owned`, where there is a folder to write to."""
    try:
        parent = directory.parent
        # The root of a file system has nothing beside it.
        if not directory.name or not parent.is_dir() or not os.access(parent, os.W_OK):
            yield
            return
        with owned(directory):
            yield
    except (OSError, RuntimeError) as error:  # Python before 3.13 has RuntimeError for links in a circle
        raise _unwritable(directory, error) from error


def _recover(directory: Path) -> None:
    if not directory.name:
        return
    aside, new = _beside(directory, _ASIDE), _beside(directory, _NEW)
    if aside.is_dir():
        if directory.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(directory)
    if new.is_dir():
        shutil.rmtree(new)


def check_replaceable(directory: Path) -> None:
    """Refuse an output path that holds anything but what mcuq wrote.

    Raises:
        McuqError: O010 with the foreign files, O012 where the disk refuses, O018 where another process writes
            there and does not finish.
    """
    with _owned(directory.absolute()):
        _recover(directory.absolute())
        _check_replaceable(directory)


def _check_replaceable(directory: Path) -> None:
    here, place = Path.cwd(), directory.resolve()
    if place == here or place in here.parents:
        # It is renamed aside, with the shell in it.
        raise _foreign(directory, "it is the current folder, or the current folder lies in it")
    if not directory.exists():
        parent = next(p for p in directory.absolute().parents if p.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK):
            raise _foreign(directory, f"{parent} is not a folder that can be written")
        return
    if not directory.is_dir() or directory.is_symlink():
        raise _foreign(directory, "it is not a folder")
    foreign = sorted(_all_files(directory) - _own_files(directory))
    if foreign:
        shown = ", ".join(repr(name) for name in foreign[:5])
        raise _foreign(directory, f"it holds {len(foreign)} files that mcuq did not write, as {shown}")


def _foreign(directory: Path, why: str) -> Exception:
    return fail(
        "O010",
        "the output path holds something that is not mcuq's",
        where=str(directory),
        why=why,
        fix="move it away, or choose another --output",
    )


def _unwritable(directory: Path, error: OSError | RuntimeError) -> Exception:
    return fail(
        "O012",
        "the firmware directory cannot be written",
        where=str(directory),
        why=str(getattr(error, "strerror", None) or error),
        fix="check permissions and free space",
    )


def _unreadable(directory: Path, error: OSError) -> McuqError:
    return fail(
        "O012",
        "the firmware directory cannot be read",
        where=str(directory),
        why=str(error.strerror or error),
        fix="check its permissions",
    )


def _all_files(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _own_files(directory: Path) -> set[str]:
    """The files that the manifest lists, and the manifest; none where there is no readable manifest."""
    manifest = find_manifest(directory)
    if manifest is None:
        return set()
    try:
        document: Any = parse_json(read_file(manifest))
        return {*map(str, document["files"]), manifest.name}
    except (McuqError, ValueError, LookupError, TypeError):
        return set()


def _beside(directory: Path, suffix: str) -> Path:
    return directory.with_name(f".{directory.name}{suffix}")


def write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write files by relative path below a folder, making folders as needed."""
    for path, data in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def publish(directory: Path, files: Mapping[str, bytes]) -> None:
    """Replace a firmware directory whole: a killed build leaves the old or the new one, after `recover`.

    One process at a time does so; who comes second waits.

    Raises:
        McuqError: O010, O012 and O018 as `check_replaceable`.
    """
    directory = directory.absolute()
    check_replaceable(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(directory, error) from error
    with _owned(directory):
        _recover(directory)
        _check_replaceable(directory)
        _publish(directory, files)


def _publish(directory: Path, files: Mapping[str, bytes]) -> None:
    new, aside = _beside(directory, _NEW), _beside(directory, _ASIDE)
    try:
        write_files(new, files)
        _sync(new)
        if directory.exists():
            directory.rename(aside)
        new.rename(directory)
        if aside.exists():
            shutil.rmtree(aside)
    except OSError:
        with contextlib.suppress(OSError):
            _recover(directory)
        raise


def read_whole(directory: Path, read: Callable[[Path], T]) -> T:
    """Read a firmware directory as it was before or after whatever writes it meanwhile, without a lock.

    Writers only ever rename it as a whole, and delete what they renamed aside only when the new one is in its
    place. So a folder that was the same before and after was whole in between.

    Args:
        directory: the firmware directory.
        read: reads it, or refuses it, at the path it is given.

    Raises:
        McuqError: what `read` raises, O012 for an OSError.
    """
    # Where a build was killed between its renames, the old one is still aside: the next build puts it back.
    places = (directory, _beside(directory.absolute(), _ASIDE)) if directory.absolute().name else (directory,)
    for _ in range(_READS):
        for place in places:
            before, refusal = _identity(place), None
            if before is None:
                continue
            try:
                found = read(place)
            except McuqError as error:
                refusal = error
            except OSError as error:  # as from listing a folder that is renamed meanwhile
                refusal = _unreadable(directory, error)
            if before != _identity(place) or (place != directory and _identity(directory) is not None):
                continue
            if refusal is not None:
                raise refusal
            return found
        time.sleep(_READ_AGAIN_S)
    try:
        return read(directory)
    except OSError as error:
        raise _unreadable(directory, error) from error


def _identity(directory: Path) -> tuple[int, ...] | None:
    """What tells a folder from another one at its path, None where there is none."""
    try:
        found = directory.stat()
    except (OSError, RuntimeError, ValueError):
        return None
    # A number of a deleted folder is used again, but not with these times.
    return (found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns)


def _sync(directory: Path) -> None:
    """Ask the disk for the files before the rename that makes them the output."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
