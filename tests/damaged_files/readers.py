"""What reads files of others: for each reader how a damaged file comes about, and what reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from mcuq.calibrate.labels import read_labels
from tests.damaged_files.folders import (
    _damage_answers,
    _damage_firmware,
    _damage_log,
    _damage_tflite,
    _read_answers,
    _read_log,
    _read_package,
    _read_tflite,
)
from tests.damaged_files.inputs import (
    VALUES,
    X,
    _damage_external,
    _damage_folder,
    _damage_images,
    _damage_labels,
    _damage_model,
    _damage_npz,
    _read_images,
    _read_model,
    _read_samples,
)
from tests.damaged_files.mutate import Rng, change_npy, place
from tests.damaged_files.own import (
    _damage_codes,
    _damage_lock,
    _damage_manifest,
    _damage_program,
    _damage_target,
    _read_codes,
    _read_firmware,
    _read_lock_file,
    _read_program,
    _read_target,
)
from tests.damaged_files.parameters import (
    _damage_config,
    _damage_encodings,
    _damage_ranges,
    _read_config,
    _read_encodings,
    _read_own_ranges,
)


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader under test.

    Args:
        damage: writes damaged files into an empty folder.
        read: reads what is in the folder.
    """

    damage: Callable[[Path, Rng], None]
    read: Callable[[Path], object]


READERS: dict[str, Reader] = {
    "ONNX model": Reader(_damage_model, _read_model),
    "external data of an ONNX model": Reader(_damage_external, _read_model),
    "samples, .npy": Reader(
        lambda d, r: place(d / "a.npy", change_npy(VALUES, r), r), _read_samples("a.npy", X)
    ),
    "samples, .npz": Reader(_damage_npz, _read_samples("a.npz", X)),
    "samples, folder of .npy": Reader(_damage_folder, _read_samples("d", X)),
    "samples, images": Reader(_damage_images, _read_images),
    "codes": Reader(_damage_codes, _read_codes),
    "labels": Reader(_damage_labels, lambda folder: read_labels(folder / "l.npy", 3)),
    "ranges": Reader(_damage_ranges, _read_own_ranges),
    "configuration": Reader(_damage_config, _read_config),
    "encodings": Reader(_damage_encodings, _read_encodings),
    "manifest": Reader(_damage_manifest, _read_firmware),
    "stored program": Reader(_damage_program, _read_program),
    "lock": Reader(_damage_lock, _read_lock_file),
    "core or board": Reader(_damage_target, _read_target),
    "TensorFlow Lite model": Reader(_damage_tflite, _read_tflite),
    "log of a device": Reader(_damage_log, _read_log),
    "firmware folder, to a package": Reader(_damage_firmware, _read_package),
    "answers of a search": Reader(_damage_answers, _read_answers),
}
