"""Where the data files of mcuq are: the only module that knows.

In a checkout `templates/` and `targets/` stand beside the package; a wheel carries them inside it
(pyproject.toml, force-include).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcuq.errors import fail
from mcuq.reading.text import parse_toml

_PACKAGE = Path(__file__).resolve().parent


def templates_dir() -> Path:
    """The folder of project files and report templates.

    Raises:
        McuqError: I001 when the installation is incomplete.
    """
    return _find("templates")


def targets_dir() -> Path:
    """The folder of cores, boards, kernels and emulation support.

    Raises:
        McuqError: I001 when the installation is incomplete.
    """
    return _find("targets")


@functools.cache
def code_sha256() -> str:
    """Hash of all files of this mcuq: what it computes follows from its input, its options and this."""
    digest = hashlib.sha256()
    for folder, pattern in ((_PACKAGE, "*.py"), (templates_dir(), "*"), (targets_dir(), "*")):
        for path in sorted(folder.rglob(pattern)):
            if path.is_file():
                data = path.read_bytes()
                digest.update(f"{path.relative_to(folder).as_posix()} {len(data)}\n".encode())
                digest.update(data)
    return digest.hexdigest()


def target_tables(pattern: str) -> tuple[Mapping[str, Any], ...]:
    """The TOML files of `targets_dir` that a pattern finds, in the order of their names.

    Args:
        pattern: as "*/costs.toml".
    """
    return _read_tables(targets_dir(), pattern)


@functools.lru_cache(maxsize=16)
def _read_tables(folder: Path, pattern: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(parse_toml(path.read_bytes()) for path in sorted(folder.glob(pattern)))


def _find(name: str) -> Path:
    # The wheel's place first: beside an installed package any other distribution may own a `templates/`.
    candidates = (_PACKAGE / "_data" / name, _PACKAGE.parent / name)
    for path in candidates:
        if path.is_dir():
            return path
    raise fail(
        "I001",
        f"the data folder '{name}' is missing",
        where=str(_PACKAGE),
        why="looked for " + " and ".join(str(path) for path in candidates),
        fix="reinstall mcuq; if it stays away, report it",
    )
