"""Firmware folders, inputs and locks that are damaged or of something else: refused, never a traceback."""

import json
import re
import zipfile

import numpy as np
import pytest

from tests.cli.runner import refused, run, write
from tests.pipeline.stored import npy
from tests.small_models import Net, save

M4 = ("--target", "cortex-m4")


# Firmware directories.


@pytest.mark.parametrize("command", ["verify", "simulate", "evaluate", "lock", "profile"])
def test_commands_refuse_what_is_no_firmware(place, digits, command):
    rest = {
        "simulate": ("--inputs", digits.images, "--output", place / "y.npz"),
        "evaluate": ("--model", digits.model, "--inputs", digits.images),
    }.get(command, ())
    for path in (place, place / "nobody", digits.model):
        refused(run(command, path, *rest), 2, "O011")


MANIFESTS = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"name": 3, "target": "host"}',
    '{"name": "../x", "target": "host"}',
    "[" * 99_999,
]


@pytest.mark.parametrize("text", MANIFESTS, ids=range(len(MANIFESTS)))
def test_manifest_that_is_none(place, text):
    write(place, "digits_mcuq/digits.mcuq.json", text.encode())
    refused(run("verify", place / "digits_mcuq"), 2, "O017" if text.startswith("[[") else "O011")


def test_manifest_for_a_target_that_is_unknown(place):
    path = place / "digits_mcuq" / "digits.mcuq.json"
    document = json.loads(path.read_text())
    for target, code in (("no such", "O002"), (7, "O011"), (None, "O011"), (["cortex-m4"], "O011")):
        path.write_text(json.dumps({**document, "target": target}))
        refused(run("verify", place / "digits_mcuq"), 2, code)


def test_stored_program_that_is_damaged(place):
    path = place / "digits_mcuq" / "digits.mcuq.npz"
    data = path.read_bytes()
    for damaged in (
        b"",
        data[:-30],
        data[: len(data) // 2],
        bytes(1000),
        data[:3000] + b"\0" * 8 + data[3008:],
    ):
        path.write_bytes(damaged)
        refused(run("verify", place / "digits_mcuq"), 1, "M009")
        refused(run("build", path, *M4, "--output", place / "new"), 1, "M009")
    path.unlink()
    refused(run("verify", place / "digits_mcuq"), 2, "O012")
    assert not (place / "new").exists()


@pytest.mark.parametrize(
    "file", ["src/digits.c", "src/digits_weights.c", "include/digits.h", "src/mcuq_common.h"]
)
def test_firmware_with_a_file_missing(place, file):
    (place / "digits_mcuq" / file).unlink()
    assert f"'{file}' is missing" in refused(run("verify", place / "digits_mcuq"), 4, "V004")
    result = run("verify", place / "digits_mcuq", "--trust")
    assert result.code == 2, result
    assert "error[T003]" in result.err
    assert "Traceback" not in result.err


# Inputs of verify, simulate and evaluate.


def codes_archive(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_codes_that_do_not_fit(place):
    out = place / "digits_mcuq"
    cases = {
        "shape.npy": np.zeros((3, 1, 8, 9), np.int8),
        "scalar.npy": np.array(3, np.int8),
        "range.npy": np.full((3, 1, 8, 8), 200, np.int32),
        "empty.npy": np.zeros((0, 1, 8, 8), np.int8),
        "flat.npy": np.zeros((64,), np.int64),
    }
    for name, array in cases.items():
        np.save(place / name, array)
        for command in (("verify", out), ("simulate", out, "--output", place / "y.npz")):
            result = run(*command, "--inputs", place / name)
            assert result.code == 2, (name, result)
            assert re.match(r"error\[O00[567]\]", result.err), result.err
    assert not (place / "y.npz").exists()


@pytest.mark.parametrize("damage", ["cut", "member", "pickle", "empty"])
def test_archives_that_are_damaged(place, damage):
    path = codes_archive(place / "x.npz", image=np.zeros((3, 1, 8, 8), np.int8))
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-40])
    elif damage == "member":
        path.write_bytes(data[:60] + b"\xff" * 30 + data[90:])
    elif damage == "pickle":
        codes_archive(path, image=np.array([{}, 1], object))
    else:
        with zipfile.ZipFile(path, "w"):
            pass
    result = run("verify", place / "digits_mcuq", "--inputs", path)
    assert result.code == 2, result
    assert re.match(r"error\[O00[4-7]\]", result.err), result.err


def test_simulate_to_an_output_that_cannot_be(place, digits):
    for output in (place, place / "nowhere" / "y.npz"):
        refused(
            run("simulate", place / "digits_mcuq", "--inputs", digits.images, "--output", output), 2, "O012"
        )


def test_evaluate_of_another_model(place, digits):
    net = Net(image=[1, 1, 8, 8])
    other = save(net.model(net.add("Relu", "image")), place)
    arguments = ("--inputs", digits.images, "--labels", digits.labels)
    refused(run("evaluate", place / "digits_mcuq", "--model", other, *arguments), 2, "O013")


def test_evaluate_with_labels_that_do_not_fit(place, digits):
    arguments = ("evaluate", place / "digits_mcuq", "--model", digits.model, "--inputs", digits.images)
    path = write(place, "labels.npy", npy(np.zeros(3, np.int64)))
    refused(run(*arguments, "--labels", path), 2, "O009")
    refused(run(*arguments, "--metric", "top1"), 2, "O013")
    refused(run(*arguments, "--labels", digits.labels, "--metric", "mse"), 2, "O009")


# Locks.


@pytest.fixture
def lock(place):
    done = run("lock", place / "digits_mcuq")
    assert done.code == 0, done.err
    return place / "digits.mcuq.lock"


LOCKS = ["", "{", "[]", "null", "{}", "[" * 99_999]


@pytest.mark.parametrize("text", LOCKS, ids=range(len(LOCKS)))
def test_lock_that_is_none(place, text):
    code = "O017" if text.startswith("[[") else "O004"
    refused(run("check", write(place, "x.lock", text.encode())), 2, code)


def test_lock_that_is_missing(place):
    refused(run("check", place / "nobody.lock"), 2, "O012")


def test_lock_whose_program_is_missing(place, lock):
    (place / "digits_mcuq" / "digits.mcuq.npz").unlink()
    refused(run("check", lock), 2, "O012")


EDITS = [
    {"steps": [1, 2]},
    {"steps": [{}]},
    {"steps": [{"name": 3, "parameters": [], "outputs": 7}]},
    {"steps": []},
    {"sizes": 3},
    {"sizes": {}},
    {"name": 3},
    {"name": "../x"},
    {"target": None},
    {"program": None},
    {"program": "/dev/null"},
    {"program_sha256": 0},
    {"options": None},
]


@pytest.mark.parametrize("edit", EDITS, ids=range(len(EDITS)))
def test_lock_that_was_edited(place, lock, edit):
    document = json.loads(lock.read_text())
    lock.write_text(json.dumps({**document, **edit}))
    result = run("check", lock)
    assert result.code in (1, 2, 4), result
    assert re.match(r"error\[[MOV]\d+\]", result.err), result.err
    assert "Traceback" not in result.err


# A model with two inputs.


@pytest.fixture
def two_inputs(tmp_path):
    net = Net(a=[1, 4], b=[1, 4])
    model = save(net.model(net.add("Add", "a", "b")), tmp_path)
    done = run("build", model, *M4, "--output", tmp_path / "out", "--verify", "none")
    assert done.code == 0, done.err
    return tmp_path / "out"


def test_codes_of_two_inputs(two_inputs, tmp_path):
    four = np.zeros((3, 1, 4), np.int8)
    np.savez(tmp_path / "good.npz", a=four, b=four[:, 0])
    assert run("verify", two_inputs, "--inputs", tmp_path / "good.npz").code == 0
    np.savez(tmp_path / "count.npz", a=four, b=four[:2])
    refused(run("verify", two_inputs, "--inputs", tmp_path / "count.npz"), 2, "O006")
    np.savez(tmp_path / "name.npz", a=four, c=four)
    refused(run("verify", two_inputs, "--inputs", tmp_path / "name.npz"), 2, "O006")
    np.save(tmp_path / "one.npy", four)
    refused(run("verify", two_inputs, "--inputs", tmp_path / "one.npy"), 2, "O006")


def test_real_inputs_that_are_not_finite(two_inputs, tmp_path):
    values = np.zeros((3, 1, 4), np.float32)
    np.savez(tmp_path / "x.npz", a=values, b=values + np.float32(np.nan))
    refused(run("verify", two_inputs, "--inputs", tmp_path / "x.npz"), 2, "O008")
    output = ("--output", tmp_path / "y.npz")
    refused(run("simulate", two_inputs, "--inputs", tmp_path / "x.npz", *output), 2, "O008")
    assert not (tmp_path / "y.npz").exists()
