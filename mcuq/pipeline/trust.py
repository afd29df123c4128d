"""The C of a firmware directory: compiled and run as mcuq wrote it, or because the user trusts it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcuq.codegen.manifest import sha256
from mcuq.errors import McuqError, fail
from mcuq.files import scratch_folder
from mcuq.pipeline.directory import find_manifest, write_files
from mcuq.reading.files import read_file
from mcuq.reading.text import parse_json

# All of it together.
_MAX_BYTES = 256 << 20
FOLDERS = ("include/", "src/")


@dataclasses.dataclass(frozen=True)
class Sources:
    """All that a compiler can find in `src/` and `include/` of a firmware directory.

    Args:
        directory: the firmware directory.
        files: their bytes as they were read, by relative path.
        checksums: what the manifest says that they should be; empty where it does not say.
    """

    directory: Path
    files: dict[str, bytes]
    checksums: dict[str, str]

    def changes(self) -> list[str]:
        """What differs from the manifest, one text a file."""
        found = []
        for path in sorted({*self.files, *self.checksums}):
            if path not in self.files:
                found.append(f"'{path}' is missing")
            elif path not in self.checksums:
                found.append(f"'{path}' is unknown")
            elif sha256(self.files[path]) != self.checksums[path]:
                found.append(f"'{path}' is changed")
        return found


def read_sources(place: Path, directory: Path) -> Sources:
    """Read the C of a firmware directory.

    Args:
        place: where it is at the moment.
        directory: where it belongs.

    Raises:
        McuqError: as `read_file`.
    """
    files: dict[str, bytes] = {}
    left = _MAX_BYTES
    for path in sorted(path for folder in FOLDERS for path in (place / folder).rglob("*")):
        if path.is_symlink() or not path.is_dir():
            data = files[path.relative_to(place).as_posix()] = read_file(path, left)
            left -= len(data)
    return Sources(directory, files, _checksums(find_manifest(place)))


def _checksums(manifest: Path | None) -> dict[str, str]:
    if manifest is None:
        return {}
    try:
        document: Any = parse_json(read_file(manifest))
        listed = {str(path): str(digest) for path, digest in document["files"].items()}
    except (McuqError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {path: digest for path, digest in listed.items() if path.startswith(FOLDERS)}


@contextlib.contextmanager
def source_folder(sources: Sources, is_trusted: bool) -> Iterator[Path]:
    """A temporary folder with the C exactly as it was read, to compile and run it.

    Args:
        sources: what was read.
        is_trusted: whether it may be something that mcuq did not write.

    Raises:
        McuqError: V004 where it may not, and is.
    """
    changes = [] if is_trusted else sources.changes()
    more = len(changes) - 5
    if changes:
        raise fail(
            "V004",
            "the C is not what mcuq wrote",
            where=str(sources.directory),
            why=f"by the manifest's checksums {', '.join(changes[:5])}" + f", and {more} more" * (more > 0),
            fix="build it again from its stored program (*.mcuq.npz), or add --trust to run it as it is",
        )
    with scratch_folder("source") as folder:
        write_files(folder, sources.files)
        yield folder
