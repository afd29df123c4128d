"""Folders of samples: which files they hold, in which order, of which class."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from mcuq.calibrate.arrays import corrupt, missing


@dataclasses.dataclass(frozen=True, slots=True)
class SampleFile:
    """A file of a sample folder; `label` is its class's number, None in a folder without classes."""

    path: Path
    label: int | None


def list_files(folder: Path) -> tuple[SampleFile, ...]:
    """The files of a folder by name, or of its class folders class by class; hidden ones are left out.

    Class folders whose names are all decimal numbers are ordered by them and mean them; others are numbered
    from 0 in the order of their names.

    Raises:
        McuqError: O012 when the folder cannot be listed; O004 when files and folders are mixed or nested.
    """
    entries = _entries(folder)
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        return tuple(SampleFile(path, None) for path in entries)
    if len(classes) < len(entries):
        raise corrupt(folder, f"it mixes files with folders, such as '{classes[0].name}'")
    found: list[SampleFile] = []
    for label, subfolder in _number(classes):
        files = _entries(subfolder)
        for path in files:
            if path.is_dir():
                raise corrupt(path, "class folders hold files only")
        found.extend(SampleFile(path, label) for path in files)
    return tuple(found)


def _entries(folder: Path) -> list[Path]:
    """What a folder holds, by name."""
    try:
        return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: p.name)
    except OSError as error:
        raise missing(folder) from error


def _number(classes: list[Path]) -> list[tuple[int, Path]]:
    """Class folders with their numbers, in the order of the numbers."""
    names = [path.name for path in classes]
    if all(name.isascii() and name.isdecimal() for name in names):
        return sorted((int(path.name), path) for path in classes)
    return list(enumerate(classes))
