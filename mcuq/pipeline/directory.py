"""Firmware directories on disk: written once, at the end, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcuq.errors import McuqError, fail
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_json

_ASIDE = ".mcuq-old"
_NEW = ".mcuq-new"


def find_manifest(directory: Path) -> Path | None:
    """The manifest of a firmware directory, None where there is not exactly one."""
    manifests = sorted(directory.glob("*.mcuq.json"))
    return manifests[0] if len(manifests) == 1 else None


def recover(directory: Path) -> None:
    """Finish or undo what a killed build left behind beside `directory`.

    Raises:
        McuqError: O012 where the disk refuses.
    """
    if not directory.name:
        return  # the root of a file system: nothing stands beside it
    try:
        _recover(directory)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _recover(directory: Path) -> None:
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
        McuqError: O010 with the foreign files, O012 where the disk refuses.
    """
    try:
        _check_replaceable(directory)
    except (OSError, RuntimeError) as error:  # Python before 3.13 has RuntimeError for links in a circle
        raise _unwritable(directory, error) from error


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

    Raises:
        McuqError: O010 as `check_replaceable`, O012 where the disk refuses.
    """
    directory = directory.absolute()
    recover(directory)
    check_replaceable(directory)
    new, aside = _beside(directory, _NEW), _beside(directory, _ASIDE)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        write_files(new, files)
        _sync(new)
        if directory.exists():
            directory.rename(aside)
        new.rename(directory)
        if aside.exists():
            shutil.rmtree(aside)
    except OSError as error:
        with contextlib.suppress(OSError):
            _recover(directory)
        raise _unwritable(directory, error) from error


def _sync(directory: Path) -> None:
    """Ask the disk for the files before the rename that makes them the output."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
