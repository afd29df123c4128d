from pathlib import Path

import numpy as np
import pytest

from mcuq.calibrate.data import InputSpec, read_samples
from mcuq.calibrate.folder import list_files
from mcuq.calibrate.labels import read_labels

from .helpers import refusal


def save(path: Path, array: object) -> Path:
    np.save(path, np.asarray(array))
    return path


def class_folder(root: Path, files: dict[str, int]) -> Path:
    for name, count in files.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            save(root / name / f"{i}.npy", np.full(2, i, np.float32))
    return root


@pytest.mark.parametrize("values", [[0, 3, 1], [[0], [3], [1]], np.array([0, 3, 1], np.uint8)])
def test_labels_from_npy(tmp_path: Path, values: object) -> None:
    labels = read_labels(save(tmp_path / "l.npy", values), 3)
    assert (labels.dtype, list(labels)) == (np.int64, [0, 3, 1])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([0.0, 1.0, 2.0], "O007"),
        ([True, False, True], "O007"),
        (["a", "b", "c"], "O007"),
        ([0, 1], "O009"),
        (np.zeros(0, int), "O009"),
        ([0, -1, 2], "O009"),
        ([[1, 0, 0]] * 3, "O009"),
        (5, "O009"),
    ],
)
def test_labels_that_are_none_are_refused(tmp_path: Path, values: object, code: str) -> None:
    refusal(code, lambda: read_labels(save(tmp_path / "l.npy", values), 3))


def test_labels_from_missing_or_unknown_files(tmp_path: Path) -> None:
    refusal("O012", lambda: read_labels(tmp_path / "l.npy", 3))
    (tmp_path / "l.txt").write_text("1")
    refusal("O004", lambda: read_labels(tmp_path / "l.txt", 3))


def test_labels_from_class_folders_match_the_samples(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "data", {"cat": 2, "dog": 3, "ant": 1})
    (root / ".cache").mkdir()
    assert list(read_labels(root, 6)) == [0, 1, 1, 2, 2, 2]
    assert list(read_samples(root, [InputSpec("x", (1, 2))]).array("x")[:, 0, 0]) == [0, 0, 1, 0, 1, 2]


def test_labels_from_numbered_folders_are_their_numbers(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "data", {"10": 1, "2": 2, "0": 1})
    assert list(read_labels(root, 4)) == [0, 2, 2, 10]


def test_folders_without_classes_or_of_both_kinds_are_refused(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "data", {"a": 1})
    refusal("O009", lambda: read_labels(root / "a", 1))
    class_folder(root / "a", {"nested": 1})
    (root / "a" / "0.npy").unlink()
    refusal("O004", lambda: list_files(root))
    (root / "file").touch()
    refusal("O004", lambda: list_files(root))
    refusal("O012", lambda: list_files(root / "absent"))
