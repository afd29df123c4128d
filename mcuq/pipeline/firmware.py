"""A firmware directory read back: its program, its plan, its name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from mcuq.codegen.names import check_name
from mcuq.errors import McuqError, fail
from mcuq.ir.plan import Plan
from mcuq.pipeline.directory import find_manifest, read_whole
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.pipeline.trust import Sources, read_sources
from mcuq.reading.files import read_file
from mcuq.reading.text import AbsurdText, absurd, parse_json
from mcuq.targets import recorded_target


@dataclasses.dataclass(frozen=True)
class Firmware:
    """A firmware directory.

    Args:
        directory: where it is.
        name: its C name.
        plan: made again from the stored program.
        manifest: the manifest's text.
        sources: its C.
    """

    directory: Path
    name: str
    plan: Plan
    manifest: bytes
    sources: Sources


def open_firmware(directory: Path) -> Firmware:
    """Read a firmware directory and make its plan again; what is being written is read before or after.

    Raises:
        McuqError: O011 where it is none, M009 where its program is damaged.
    """
    return read_whole(directory, lambda place: _read(place, directory))


def _read(place: Path, directory: Path) -> Firmware:
    """A firmware directory from where it is at the moment."""
    manifest = find_manifest(place) if place.is_dir() else None
    if manifest is None:
        raise _not_firmware(directory, "it holds no single *.mcuq.json")
    try:
        text = read_file(manifest)
        document: Any = parse_json(text)
        name = document["name"]
        check_name(name)
        if not isinstance(document["target"], str) or not isinstance(document.get("board"), dict | None):
            raise TypeError
    except AbsurdText as error:
        raise absurd(manifest, error) from error
    except McuqError as error:
        if error.problems[0].code in ("O012", "O014", "O015"):
            raise
        raise _not_firmware(directory, f"{manifest.name} is not a manifest of mcuq") from None
    except (ValueError, LookupError, TypeError):
        raise _not_firmware(directory, f"{manifest.name} is not a manifest of mcuq") from None
    program = load_program(place / f"{name}.mcuq.npz")
    plan = plan_program(program, recorded_target(document, str(manifest)))
    return Firmware(directory, name, plan, text, read_sources(place, directory))


def _not_firmware(directory: Path, why: str) -> McuqError:
    return fail(
        "O011",
        "the path is not a firmware directory of mcuq",
        where=str(directory),
        why=why,
        fix="give the folder that `mcuq build` wrote",
    )
