"""Damaged files that the tool itself has written or brings along, and what reads them."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from mcuq.boards import read_board
from mcuq.calibrate.images import Preprocessing
from mcuq.cli.data import read_codes
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.lock import _document_problems, _read_lock, lock_document
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.preprocessing import recorded_preprocessing
from mcuq.pipeline.stored import load_program
from mcuq.resources import targets_dir
from mcuq.targets import load_target, read_core
from tests.conftest import EXAMPLE
from tests.damaged_files import mutate
from tests.damaged_files.mutate import Rng, change_json, change_npy, change_toml, change_zip, npy, place

PROGRAM = EXAMPLE / "locked" / "digits.mcuq.npz"


@functools.cache
def _program():
    return load_program(PROGRAM)


def _damage_codes(folder: Path, rng: Rng) -> None:
    codes = np.zeros((2, *_program().inputs[0].model_shape), np.int8)
    if rng.random() < 0.5:
        place(
            folder / "a.npz",
            change_zip({"x.npy": npy(codes)}, rng, lambda _, __: change_npy(codes, rng)),
            rng,
        )
    else:
        place(folder / "a.npz", b"", rng) if rng.random() < 0.02 else place(
            folder / "a.npy", change_npy(codes, rng), rng
        )


def _read_codes(folder: Path) -> object:
    path = next(path for path in folder.iterdir())
    return read_codes(_program(), path, 1, Preprocessing())


# What the tool itself has written.


def _damage_manifest(folder: Path, rng: Rng) -> None:
    (folder / "digits.mcuq.npz").write_bytes(PROGRAM.read_bytes())
    document = {
        "name": "digits",
        "target": "cortex-m4",
        "files": {"src/digits.c": "0" * 64},
        "options": {"a": "b"},
    }
    place(folder / "digits.mcuq.json", change_json(document, rng), rng)


def _read_firmware(folder: Path) -> object:
    return recorded_preprocessing(open_firmware(folder).plan.program)


@functools.cache
def _program_members() -> dict[str, bytes]:
    with zipfile.ZipFile(PROGRAM) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = json.loads(members["program.json"])
    options = document["program"]["origin"]["options"]
    options += [["image.mean", "(0.5,)"], ["image.size", "(8, 8)"], ["image.orientation", "'exif'"]]
    members["program.json"] = json.dumps(document).encode()
    return members


def _damage_program(folder: Path, rng: Rng) -> None:
    members = dict(_program_members())
    if rng.random() < 0.7:
        members["program.json"] = change_json(json.loads(members["program.json"]), rng)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        place(folder / "x.mcuq.npz", out.getvalue(), rng)
        return

    def change(name: str, data: bytes) -> bytes:
        return (
            change_npy(np.load(io.BytesIO(data)), rng)
            if name.endswith(".npy")
            else change_json(json.loads(data), rng)
        )

    place(folder / "x.mcuq.npz", change_zip(members, rng, change), rng)


def _read_program(folder: Path) -> object:
    program = load_program(folder / "x.mcuq.npz")
    recorded_preprocessing(program)
    return plan_program(program, "cortex-m4")


@functools.cache
def _lock_document() -> dict[str, object]:
    return lock_document(plan_program(_program(), "cortex-m4"), "digits", "digits.mcuq.npz")


def _damage_lock(folder: Path, rng: Rng) -> None:
    place(folder / "x.lock", change_json(_lock_document(), rng), rng)


def _read_lock_file(folder: Path) -> object:
    locked = _read_lock(folder / "x.lock")
    load_target(str(locked["target"]))
    return [str(each) for each in _document_problems(locked, _lock_document(), "x.lock")]


def _damage_target(folder: Path, rng: Rng) -> None:
    cores = targets_dir() / "cores"
    name = mutate.pick(rng, ["cores/cortex-m4", "cores/host", "cores/rv32imc", "boards", "boards"])
    paths = (
        sorted((targets_dir() / "boards").glob("*.toml"))
        if name.startswith("boards")
        else [cores.parent / f"{name}.toml"]
    )
    kind = "board" if name.startswith("boards") else "core"
    text = paths[int(rng.integers(len(paths)))].read_text("utf-8")
    place(folder / f"{kind}.toml", change_toml(text, rng), rng)


def _read_target(folder: Path) -> object:
    (path,) = folder.iterdir()
    return read_board(path) if path.stem == "board" else read_core(path)
