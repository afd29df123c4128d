"""Golden files: what a build must stay, and whether it did."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from mcuq.codegen.emit import emit_firmware
from mcuq.codegen.manifest import sha256, sizes, target_document
from mcuq.codegen.names import check_name
from mcuq.codegen.selftest import VECTORS, Vector, selftest_inputs, selftest_vectors
from mcuq.errors import McuqError, Problem, fail
from mcuq.files import replace_file, scratch_folder
from mcuq.ir.codec import Encoder
from mcuq.ir.plan import Plan
from mcuq.ir.program import Step
from mcuq.ir.store import program_to_npz
from mcuq.pipeline.directory import read_whole, write_files
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.stored import load_program
from mcuq.pipeline.trust import FOLDERS, Sources, read_sources, source_folder
from mcuq.reading.files import read_file
from mcuq.reading.text import AbsurdText, absurd, parse_json
from mcuq.targets import recorded_target
from mcuq.verify.firmware import verify_firmware

LOCK_SUFFIX = ".mcuq.lock"
_FORMAT = 1
Document: TypeAlias = dict[str, object]
_STEP_TABLES = ("parameters", "outputs")
_FIX = "if the change is meant, make the lock again with `mcuq lock`; otherwise find what changed it"


def lock_document(plan: Plan, name: str, program_path: str) -> Document:
    """What a lock holds: hashes of model, program, parameters and layer outputs, and sizes.

    Args:
        plan: the build.
        name: its C name.
        program_path: the stored program, relative to the lock.
    """
    vectors = selftest_vectors(plan)
    steps = [plan.program.steps[index] for index in plan.memory.order]
    return {
        "format": _FORMAT,
        "name": name,
        "target": plan.target,
        **target_document(plan),
        "program": program_path,
        "model_sha256": plan.program.origin.model_sha256,
        "program_sha256": sha256(program_to_npz(plan.stored)),
        "options": dict(plan.program.origin.options),
        "sizes": sizes(plan),
        "steps": [_step(step, position, vectors) for position, step in enumerate(steps)],
    }


def _step(step: Step, position: int, vectors: Sequence[Vector]) -> Document:
    outputs = [sha256(np.ascontiguousarray(v.outputs[position]).tobytes())[:16] for v in vectors]
    return {
        "name": step.name,
        "op": step.op.kind,
        "parameters": _parameter_hashes(step),
        "outputs": {f"vector {number}": value for number, value in enumerate(outputs)},
    }


def _parameter_hashes(step: Step) -> dict[str, str]:
    """A short hash of each parameter of a step, by name."""
    encoder = Encoder()
    document = encoder.encode(step.op)
    assert isinstance(document, dict)
    flat: dict[str, str] = {}
    for key, value in document.items():
        members = value.items() if isinstance(value, dict) else [("", value)]
        for member, part in members:
            array = encoder.arrays.get(part) if isinstance(part, str) else None
            data = json.dumps(part).encode() if array is None else np.ascontiguousarray(array).tobytes()
            flat[f"{key}.{member}".rstrip(".")] = hashlib.sha256(data).hexdigest()[:16]
    return flat


def write_lock(directory: Path, output: Path | None, is_trusted: bool = False) -> Path:
    """Write the lock of a firmware directory; by default `<name>.mcuq.lock` beside it.

    Args:
        directory: the firmware directory.
        output: the lock.
        is_trusted: whether C that mcuq did not write is compiled and run.

    Raises:
        McuqError: O011 for no firmware directory, V004 where its C is not what mcuq wrote, V002 where it
            computes something else than its program.
    """
    firmware = open_firmware(directory)
    path = output or directory.absolute().parent / f"{firmware.name}{LOCK_SUFFIX}"
    problems = list(_run_problems(firmware.plan, firmware.name, firmware.sources, is_trusted))
    if problems:
        raise McuqError(problems)
    stored = os.path.relpath(directory / f"{firmware.name}.mcuq.npz", path.absolute().parent)
    document = lock_document(firmware.plan, firmware.name, Path(stored).as_posix())
    replace_file(path, _lock_text(document), "the lock")
    return path


def check_lock(path: Path, is_trusted: bool = False) -> Plan:
    """Build again from the stored program and compare with the lock.

    The C runs on the host: what is built now, and what lies beside the stored program if it differs.

    Args:
        path: the lock.
        is_trusted: whether C that mcuq did not write is compiled and run.

    Returns:
        The plan, when nothing moved.

    Raises:
        McuqError: V002 with everything that moved, first layers in the order of execution; V004 where the C
            beside the stored program is not what mcuq wrote; O012 and M009 for files that are missing or
            damaged.
    """
    locked, plan, sources = _build_again(path)
    name = str(locked["name"])
    now = lock_document(plan, name, str(locked["program"]))
    problems = list(_document_problems(locked, now, path.name))
    problems += _run_problems(plan, name, sources, is_trusted)
    if problems:
        raise McuqError(problems)
    return plan


def renew_lock(path: Path, is_trusted: bool = False) -> bool:
    """Write a lock again from its stored program, where anything moved.

    Args:
        path: the lock.
        is_trusted: as for `check_lock`.

    Returns:
        Whether it was written.

    Raises:
        McuqError: as `check_lock`, but for what moved: V002 only where the C computes something else than its
            program; then the lock stays.
    """
    locked, plan, sources = _build_again(path)
    name = str(locked["name"])
    problems = list(_run_problems(plan, name, sources, is_trusted))
    if problems:
        raise McuqError(problems)
    now = lock_document(plan, name, str(locked["program"]))
    if now == locked:
        return False
    replace_file(path, _lock_text(now), "the lock")
    return True


def _build_again(path: Path) -> tuple[Document, Plan, Sources]:
    """A lock, the plan of its stored program, and the C beside that."""
    locked = _read_lock(path)
    stored = path.absolute().parent / str(locked["program"])
    program, sources = read_whole(
        stored.parent, lambda place: (load_program(place / stored.name), read_sources(place, stored.parent))
    )
    plan = plan_program(program, recorded_target(locked, str(path)))
    return locked, plan, sources


def _lock_text(document: Document) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()


def _read_lock(path: Path) -> Document:
    try:
        document: Any = parse_json(read_file(path))
        texts = [document[key] for key in ("name", "target", "program", "model_sha256", "program_sha256")]
        tables = [document["sizes"], *(step[key] for step in document["steps"] for key in _STEP_TABLES)]
        sound = isinstance(document["steps"], list) and all(isinstance(text, str) for text in texts)
        sound = sound and all(isinstance(table, dict) for table in tables)
        sound = sound and isinstance(document.get("flash"), str | None)
        sound = sound and isinstance(document.get("board"), dict | None)
        sound = sound and isinstance(document.get("place"), str | None)
        if document["format"] != _FORMAT or not sound:
            raise ValueError
        check_name(document["name"])  # it becomes the name of files
    except McuqError as error:
        if error.problems[0].code != "O003":
            raise
        raise _not_lock(path) from None
    except AbsurdText as error:
        raise absurd(path, error) from error
    except (ValueError, LookupError, TypeError):
        raise _not_lock(path) from None
    assert isinstance(document, dict)
    return document


def _not_lock(path: Path) -> McuqError:
    return fail(
        "O004",
        "the lock cannot be read",
        where=str(path),
        why=f"it is not a lock of format {_FORMAT}",
        fix="make it again with `mcuq lock`",
    )


def _moved(title: str, where: str, was: object, now: object) -> Problem:
    return Problem("V002", title, where, f"locked {was!r}, now {now!r}", _FIX)


def _document_problems(locked: Document, now: Document, where: str) -> Iterator[Problem]:
    """Parameters and outputs layer by layer, then sizes, then hashes that nothing else explains."""
    before, after = locked["steps"], now["steps"]
    assert isinstance(before, list) and isinstance(after, list)
    found = 0
    if len(before) != len(after):
        found += 1
        yield _moved("the number of layers moved", where, len(before), len(after))
    for position, (old, new) in enumerate(zip(before, after, strict=False)):
        layer = f"{where}, layer {position} {new['name']!r} ({new['op']})"
        for what, noun in (("parameters", "parameter"), ("outputs", "output")):
            moved = _moved_keys(old.get(what), new[what])
            found += len(moved)
            if moved:
                yield _moved(
                    f"{noun} {moved[0]!r} of layer {new['name']!r} moved", layer, old[what], new[what]
                )
    for key in _moved_keys(locked["sizes"], now["sizes"]):
        found += 1
        yield _moved(f"size {key!r} moved", where, _get(locked["sizes"], key), _get(now["sizes"], key))
    for key in ("model_sha256", "program_sha256", "options"):
        if locked.get(key) != now[key] and not found:
            yield _moved(f"{key} moved", where, locked.get(key), now[key])


def _moved_keys(old: object, new: object) -> list[str]:
    keys = dict.fromkeys([*(old if isinstance(old, dict) else {}), *(new if isinstance(new, dict) else {})])
    return [key for key in keys if _get(old, key) != _get(new, key)]


def _get(document: object, key: str) -> object:
    return document.get(key) if isinstance(document, dict) else None


def _run_problems(plan: Plan, name: str, sources: Sources, is_trusted: bool) -> Iterator[Problem]:
    """What the C computes differently from the simulator on the self-test inputs."""
    files = emit_firmware(plan, name, plan.resolved.core.isa)
    with scratch_folder("check") as folder:
        write_files(folder, files)
        yield from _difference(plan, name, folder, "the C built now")
    if sources.files and sources.files != {path: files[path] for path in files if path.startswith(FOLDERS)}:
        with source_folder(sources, is_trusted) as folder:
            yield from _difference(plan, name, folder, f"the C in {sources.directory.name}")


def _difference(plan: Plan, name: str, directory: Path, what: str) -> Iterator[Problem]:
    vectors = [selftest_inputs(plan.program, number) for number in range(VECTORS)]
    inputs = [np.stack(arrays) for arrays in zip(*vectors, strict=True)]
    report = verify_firmware(directory, plan, name, inputs, "host")
    if report.first_difference is not None:
        problem = report.first_difference.problem(what)
        yield Problem("V002", problem.title, problem.where, problem.why, problem.fix)
