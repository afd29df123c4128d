"""Every way to get `mcuq build` wrong: exit code, four lines, nothing written, old firmware left alone."""

import os
import re

import numpy as np
import pytest

from tests.cli.runner import refused, run, run_process, write
from tests.conftest import EXAMPLE
from tests.pipeline.stored import npy
from tests.small_models import Net, save


def snapshot(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def build_refused(place, code, *problems, model=None, output=None, arguments=()):
    """A refused build, once to a new folder and once over the old firmware."""
    before = snapshot(place)
    text = ""
    for target in (place / "new", place / "digits_mcuq") if output is None else (output,):
        text = refused(run("build", model, "--output", target, *arguments), code, *problems)
    assert before == snapshot(place)
    return text


M4 = ("--target", "cortex-m4")


def gemm(**values):
    net = Net(x=[1, 4])
    weights = np.ones((3, 4), np.float32)
    for position, value in values.items():
        weights.ravel()[int(position.removeprefix("at"))] = value
    return net.model(net.add("Gemm", "x", net.const(weights), net.const(np.zeros(3, np.float32)), transB=1))


# The model.


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "M001"),
        (b"not a model", "M001"),
        (b"\x08\x07" * 5000, "M001"),
        (b"\xff" * 100, "M001"),
    ],
)
def test_file_that_is_no_model(place, data, problem):
    build_refused(place, 1, problem, model=write(place, "bad.onnx", data), arguments=M4)


def test_truncated_model(place, digits):
    data = digits.model.read_bytes()
    for length in (1, 100, len(data) // 2, len(data) - 1):
        model = write(place, "cut.onnx", data[:length])
        result = run("build", model, "--output", place / "new", *M4)
        assert result.code == 1, (length, result)
        assert re.match(r"error\[M00[1-7]\]", result.err)
        assert not (place / "new").exists()


def test_missing_model(place):
    build_refused(place, 2, "O012", model=place / "nobody.onnx", arguments=M4)
    build_refused(place, 2, "O012", model=place / "nobody.mcuq.npz", arguments=M4)
    build_refused(place, 2, "O014", model=place, arguments=M4)


def test_all_unsupported_operators_at_once(place):
    net = Net(x=[1, 4])
    first = net.add("Bernoulli", "x", name="head/dice")
    second = net.add("NonZero", first, name="head/where")
    third = net.add("STFT", second, name="odd one")
    text = build_refused(place, 1, "M003", "M003", "M003", model=save(net.model(third), place), arguments=M4)
    for operator, name in (("Bernoulli", "head/dice"), ("NonZero", "head/where"), ("STFT", "odd one")):
        assert operator in text
        assert name in text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(place, value):
    build_refused(place, 1, "M005", model=save(gemm(at5=value), place), arguments=M4)


# The data.


def shaped(*shape):
    return np.zeros(shape, np.float32)


DATA = {
    "missing": (None, "O012"),
    "empty file": (b"", "O004"),
    "text": (b"hello", "O004"),
    "truncated": (npy(shaped(8, 1, 8, 8))[:200], "O004"),
    "no samples": (npy(shaped(0, 1, 8, 8)), "O005"),
    "wrong shape": (npy(shaped(8, 1, 8, 9)), "O006"),
    "scalar": (npy(np.array(3.0, np.float32)), "O006"),
    "wrong type": (npy(np.zeros((8, 1, 8, 8), np.complex64)), "O007"),
    "text array": (npy(np.full((8, 1, 8, 8), "a")), "O007"),
    "nan": (npy(np.full((8, 1, 8, 8), np.nan, np.float32)), "O008"),
    "one infinity": (npy(np.where(np.arange(512) == 77, np.inf, 0).astype("f").reshape(8, 1, 8, 8)), "O008"),
}


@pytest.mark.parametrize("name", sorted(DATA))
def test_calibration_data(place, digits, name):
    data, problem = DATA[name]
    path = place / "data.npy"
    if data is not None:
        path.write_bytes(data)
    build_refused(place, 2, problem, model=digits.model, arguments=(*M4, "--calibration", path))


def test_pickled_data_is_not_run(place, digits):
    np.save(place / "data.npy", np.array([print, 3], object), allow_pickle=True)
    text = build_refused(place, 2, "O007", model=digits.model, arguments=(*M4, "--calibration", "data.npy"))
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("labels", "problem"),
    [(npy(np.zeros(3, np.int64)), "O009"), (npy(np.zeros(512, np.float32) + 0.5), "O007"), (b"x", "O004")],
)
def test_labels(place, digits, labels, problem):
    path = write(place, "labels.npy", labels)
    arguments = (*M4, "--calibration", digits.calibration, "--labels", path)
    build_refused(place, 2, problem, model=digits.model, arguments=arguments)


# The options.


@pytest.mark.parametrize("name", ["../x", "int", "", "a b", "a/b", "x" * 41, "stdint", "1st", "-"])
def test_name(place, digits, name):
    before = snapshot(place)
    for output in ((), ("--output", place / "new")):
        refused(run("build", digits.model, *M4, f"--name={name}", *output), 2, "O003")
    assert before == snapshot(place)


def test_unknown_target_with_what_was_meant(place, digits):
    text = build_refused(place, 2, "O002", model=digits.model, arguments=("--target", "cortex-m44"))
    assert "cortex-m4" in text.split("fix:")[1]


@pytest.mark.parametrize(
    "value",
    [
        "image",
        "image=1",
        "image=2:1",
        "image=0:nan",
        "image=0:inf",
        "=0:1",
        "image=0:0",
        "image=a:b",
        "other=0:1",
    ],
)
def test_input_range(place, digits, value):
    build_refused(place, 2, "O001", model=digits.model, arguments=(*M4, "--input-range", value))


def test_input_range_that_float_cannot_hold(place, digits):
    for value in ("image=0:1e39", "image=-1e308:1e308"):
        build_refused(place, 2, "O001", model=digits.model, arguments=(*M4, "--input-range", value))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--verify", "board"),
        ("--samples", "0"),
        ("--samples", "many"),
        ("--seed", "-1"),
        ("--calibration-method", "magic"),
        ("--nonsense",),
        ("extra",),
    ],
)
def test_usage(place, digits, arguments):
    before = snapshot(place)
    result = run("build", digits.model, *M4, "--output", place / "new", *arguments)
    assert (result.code, result.out) == (2, ""), result
    assert "Traceback" not in result.err
    assert before == snapshot(place)


@pytest.mark.parametrize("arguments", [("build",), ("verify",), ("nothing",), ("build", "x.onnx")])
def test_incomplete_commands(place, arguments):
    result = run(*arguments)
    assert result.code == 2
    assert "Traceback" not in result.err


# The output.


def test_output_that_holds_other_files(place, digits):
    (place / "mine").mkdir()
    write(place, "mine/thesis.tex", b"precious")
    text = build_refused(place, 2, "O010", model=digits.model, arguments=M4, output=place / "mine")
    assert "thesis.tex" in text


def test_output_that_is_a_file(place, digits):
    file = write(place, "file", b"precious")
    build_refused(place, 2, "O010", model=digits.model, arguments=M4, output=file)
    build_refused(place, 2, "O010", model=digits.model, arguments=M4, output=file / "below")


@pytest.mark.parametrize("output", ["/", ".", "", "/proc/nowhere", "x" * 300])
def test_output_that_cannot_be(place, digits, output):
    before = snapshot(place)
    result = run("build", digits.model, *M4, "--output", output)
    assert result.code == 2, result
    assert re.match(r"error\[O01[02]\]", result.err)
    assert before == snapshot(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_without_permission(place, digits):
    (place / "locked").mkdir(mode=0o500)
    build_refused(place, 2, "O010", model=digits.model, arguments=M4, output=place / "locked" / "out")


def test_firmware_with_a_file_of_the_users(place, digits):
    write(place, "digits_mcuq/src/notes.txt", b"precious")
    text = build_refused(place, 2, "O010", model=digits.model, arguments=M4, output=place / "digits_mcuq")
    assert "src/notes.txt" in text


def test_board_that_is_too_small(place):
    net = Net(x=[1, 4, 128, 128])
    model = save(net.model(net.conv("x", 4, 64, (3, 3), pads=[1, 1, 1, 1])), place)
    text = build_refused(place, 3, "T001", model=model, arguments=("--target", "microbit-v1"))
    assert re.search(r"RAM of 'microbit-v1'", text)
    assert re.search(r"it needs [\d_]+ bytes .*, [\d_]+ are available", text)


def test_exit_codes_of_a_process(place, digits):
    """What the shell sees, once for each kind."""
    assert run_process("build", "nobody.onnx", *M4).code == 2
    assert run_process("build", save(gemm(at0=np.nan), place), *M4).code == 1
    assert run_process("ops").code == 0
    assert run_process("--version").out.startswith("mcuq ")


def test_wrong_choice_is_told_in_our_words():
    found = run("build", EXAMPLE / "model.onnx", "--target", "cortex-m4", "--weight-bits", 5)
    assert (found.code, "Value error" in found.err) == (2, False)
    assert "'5' is not one of '8', '4'" in found.err


def test_everything_that_options_and_their_files_say_wrong_is_told_at_once(tmp_path):
    config = tmp_path / "quant.toml"
    config.write_text('[[override]]\nop = "conv2d"\nscheme = "other"\n')
    wrong = ("--input-range", "a=1:0", "--input-range", "b=2:1", "--output-type", "x", "--config", config)
    found = run("build", EXAMPLE / "model.onnx", "--target", "cortex-m4", *wrong)
    assert found.code == 2
    for text in ("a=1:0", "b=2:1", "--output-type 'x'", "scheme 'other'"):
        assert found.err.count(text) == 1, text
