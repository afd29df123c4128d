"""Damaged TensorFlow Lite files, logs, firmware folders and answers of searches, and what reads them."""

from __future__ import annotations

import functools
import json
import shutil
import sqlite3
from pathlib import Path

from mcuq.codegen.selftest import selftest_vectors
from mcuq.device.compare import build_id, compare_log, expect
from mcuq.device.log import read_log
from mcuq.frontend import read
from mcuq.packages.layouts import LAYOUTS
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.build import build
from mcuq.pipeline.firmware import Firmware, open_firmware
from mcuq.pipeline.package import package_firmware
from mcuq.tune.database import DATABASE, Answer, Database
from mcuq.tune.figures import Figures, front
from tests.damaged_files.mutate import Rng, change_bytes, change_json, pick, place
from tests.damaged_files.own import PROGRAM
from tests.damaged_files.parameters import _source_path
from tests.tflite_files import damage as tflite


def _damage_tflite(folder: Path, rng: Rng) -> None:
    sources = tflite.sources()
    data = sources[int(rng.integers(len(sources)))]
    place(folder / "model.tflite", tflite.damaged(data, int(rng.integers(1 << 31))), rng)


def _read_tflite(folder: Path) -> object:
    return canonicalize(read(folder / "model.tflite").graph)


@functools.cache
def _firmware() -> Firmware:
    folder = _source_path().with_name("firmware")
    build(PROGRAM, "cortex-m4", output=folder, name="digits", verify="none")
    return open_firmware(folder)


@functools.cache
def _log() -> list[str]:
    """What a device with the right firmware prints."""
    vectors = selftest_vectors(_firmware().plan)
    names = expect(_firmware().plan).names
    lines = [f"mcuq-begin digits {build_id(vectors)} {len(vectors)} {len(names)}"]
    for number, vector in enumerate(vectors):
        lines += [
            f"mcuq-layer {number} {layer} found {checksum} expected {checksum} {name}"
            for layer, (checksum, name) in enumerate(zip(vector.checksums, names, strict=True))
        ]
    lines += ["mcuq-timer dwt", *(f"mcuq-cycles {layer} 1234 {name}" for layer, name in enumerate(names))]
    return [*lines, "mcuq-end 0"]


_LOG_WORDS = [
    "",
    "0",
    "-1",
    "99999999999",
    "é",
    "\0",
    "\x1b[31m",
    "mcuq-begin",
    "mcuq-end 0",
    "found",
    "x" * 3000,
]


def _damage_log(folder: Path, rng: Rng) -> None:
    lines = list(_log())
    for _ in range(int(rng.integers(1, 5))):
        at, kind = int(rng.integers(len(lines))), int(rng.integers(5))
        words = lines[at].split(" ")
        if kind < 3:
            words[int(rng.integers(len(words)))] = pick(rng, _LOG_WORDS)
            lines[at] = " ".join(words)
        elif kind == 3:
            lines.insert(at, lines[int(rng.integers(len(lines)))])
        elif len(lines) > 1:
            del lines[at]
    encoding = pick(rng, ["utf-8", "utf-8", "utf-8", "utf-16", "utf-16-le", "utf-8-sig"])
    data = pick(rng, ["\n", "\r\n", "\r", "\n[00:01] "]).join(lines).encode(encoding, "replace")
    place(folder / "device.log", change_bytes(data, rng) if rng.random() < 0.4 else data, rng)


def _read_log(folder: Path) -> object:
    return compare_log(read_log(folder / "device.log"), expect(_firmware().plan))


_STRANGE = ["a b.c", "x;y.h", "é.c", "z.c", "$(x).c", "digits.h", "other.mcuq.json", "-I.c"]


def _damage_firmware(folder: Path, rng: Rng) -> None:
    """A folder whose C, manifest or program is damaged, missing, renamed, or has strange files beside it."""
    copy = folder / "firmware"
    shutil.copytree(_firmware().directory, copy)
    for _ in range(int(rng.integers(1, 3))):
        files = sorted(path for path in copy.rglob("*") if path.is_file() and not path.is_symlink())
        victim, kind = files[int(rng.integers(len(files)))], int(rng.integers(6))
        if kind < 2:
            victim = copy / "digits.mcuq.json"
            data = change_json(json.loads(_firmware().manifest), rng)
        elif kind == 2:
            # An empty file has no bytes to change.
            data = change_bytes(victim.read_bytes()[: 1 << 16] or b"x", rng)
        elif kind == 3:
            victim.unlink()
            continue
        else:
            victim.rename(victim.with_name(pick(rng, _STRANGE)))
            continue
        if victim.is_symlink() or victim.exists():
            shutil.rmtree(victim) if victim.is_dir() and not victim.is_symlink() else victim.unlink()
        place(victim, data, rng)


def _read_package(folder: Path) -> object:
    """As the format that the number of files says, so that all have their turn."""
    formats = sorted(LAYOUTS)
    size = sum(path.lstat().st_size for path in (folder / "firmware").rglob("*"))
    return package_firmware(folder / "firmware", formats[size % len(formats)], folder / "out")


_FIGURES = Figures(40_000, 5_000, 1_000_000, 0.98, 1e-4, "0" * 64)


def _damage_answers(folder: Path, rng: Rng) -> None:
    """A file of answers with other text in it, of another form, or with other bytes."""
    with Database(folder) as database:
        for number in range(3):
            database.put("study", str(number), Answer(_FIGURES))
        database.put("study", "3", Answer(None, "it was refused"))
    path = folder / DATABASE
    if rng.random() < 0.8:
        text = change_json(json.loads(Answer(_FIGURES).to_text()), rng).decode("utf-8", "replace")
        connection = sqlite3.connect(path, isolation_level=None)
        value: object = text if rng.random() < 0.95 else [None, 1, 2.5, b"\xff"][int(rng.integers(4))]
        table = "study TEXT, candidate TEXT, answer"
        if value is None:
            connection.execute(f"DROP TABLE answers; CREATE TABLE answers ({table})".split(";")[0])
            connection.execute(f"CREATE TABLE answers ({table})")
            connection.execute("INSERT INTO answers VALUES ('study', '0', NULL)")
        else:
            connection.execute("UPDATE answers SET answer = ? WHERE candidate = '0'", (value,))
        connection.close()
    if rng.random() < 0.4:
        data = path.read_bytes()
        path.unlink()
        place(path, change_bytes(data, rng), rng)


def _read_answers(folder: Path) -> object:
    """As a search that goes on does."""
    with Database(folder) as database:
        found = [database.get("study", str(number)) for number in range(4)]
        database.put("study", "4", Answer(_FIGURES))
    figures = [each.figures for each in found if each is not None and each.figures is not None]
    return front(figures), [each.sqnr_db for each in figures]
