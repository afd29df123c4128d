"""Where CMSIS-NN's own C is: a folder that somebody names, or the installed package bakenn."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import re
from pathlib import Path

# Functions for floating point need more of the compiler, and nothing here calls them.
_FLOAT = re.compile(r"_f(16|32)\b")


@dataclasses.dataclass(frozen=True)
class Library:
    """The library's sources.

    Args:
        title: which they are, for a page.
        sources: its C files.
        includes: the folders of its headers.
    """

    title: str
    sources: tuple[Path, ...]
    includes: tuple[Path, ...]


def find_library(folder: Path | None = None) -> Library | None:
    """The library in a folder, by default in the package bakenn; None where that is not installed.

    Args:
        folder: with `Include` and `Source`, as the library's repository has them.

    Raises:
        FileNotFoundError: where a folder that was named holds no such library.
    """
    if folder is None:
        return _packaged()
    header = folder / "Include" / "arm_nn_types.h"
    if not header.is_file():
        raise FileNotFoundError(f"{folder} holds no CMSIS-NN: there is no {header}")
    return Library(_dated(header), _sources(folder / "Source"), (folder / "Include",))


def _packaged() -> Library | None:
    spec = importlib.util.find_spec("bakenn")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent / "backend" / "cmsis_nn" / "vendor"
    version = importlib.metadata.version("bakenn")
    return Library(
        f"version 4.0.0 as the package bakenn {version} carries it",
        _sources(root / "cmsis_nn" / "Source"),
        (root / "cmsis_nn" / "Include", root / "cmsis_core" / "Include"),
    )


def _sources(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in sorted(folder.rglob("*.c")) if not _FLOAT.search(path.stem))


def _dated(header: Path) -> str:
    """What a header says of its own age."""
    text = header.read_text("utf-8")
    found = [re.search(rf"\${word}:\s*(.*)", text) for word in ("Date", "Revision")]
    return "the sources of a given folder, whose arm_nn_types.h says " + ", ".join(
        each.group(1).strip().strip("$").strip() for each in found if each
    )
