"""The examples for boards: the commands of their READMEs run as they stand there, and firmware is right."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcuq import api
from tests.device.test_features import host_features, sounds
from tests.project.source import ROOT
from tests.shared_data import shared_file
from tests.tools import require

EXAMPLES = ROOT / "firmware_examples"
TOOLS = ("make", "arm-none-eabi-gcc", "qemu-system-arm")


def _commands(page):
    """The lines of a README that a shell shall run, but for those of training."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks if "pip install" not in block for line in block.splitlines()]


@pytest.fixture
def copy(tmp_path):
    """The examples and what they are built from, in a folder where they may write."""
    shutil.copytree(
        EXAMPLES, tmp_path / "firmware_examples", ignore=shutil.ignore_patterns("build", "*_mcuq")
    )
    (tmp_path / "targets").symlink_to(ROOT / "targets")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, module in (("mcuq", "-m mcuq "), ("python3", "")):
        script = tools / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module}"$@"\n')
        script.chmod(0o755)
    return tmp_path / "firmware_examples"


def _run(folder, command):
    tools = folder.parents[1] / "bin"
    env = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def _run_all(folder):
    return {command: _run(folder, command) for command in _commands(folder / "README.md")}


def _answers(text, first):
    """Words and scores of an application's lines; times are the emulator's."""
    return re.findall(
        rf"^{first} (\d+) (?:digit |word )?(\w+) of 256 (\d+) us \d+(?: features us \d+)?\r?$",
        text,
        re.MULTILINE,
    )


def _simulated(firmware, values):
    """Index and score above the zero point of the best class of each sample, from the simulator."""
    (port,) = firmware.plan.program.outputs
    scale = firmware.plan.program.tensors[port.tensor].quant.step
    (name,) = (each.name for each in firmware.plan.program.inputs)
    (found,) = api.simulate(firmware, {name: values}).values()
    rows = np.rint(found.reshape(len(values), -1) / scale).astype(int)
    return [(int(row.argmax()), int(row.max())) for row in rows]


@pytest.mark.slow
def test_readme_of_digits_runs_on_the_emulated_board(copy):
    for tool in TOOLS:
        require(tool)
    printed = _run_all(copy / "digits")
    text = printed["make -C firmware MODEL=../digits_mcuq run"]
    assert "right 20 of 20" in text
    expected = _simulated(
        api.open_firmware(copy / "digits" / "digits_mcuq"), np.load(copy / "digits" / "test_images.npy")[:20]
    )
    assert [(i, *each) for i, each in enumerate(expected)] == [
        tuple(map(int, answer)) for answer in _answers(text, "image")
    ]


@pytest.mark.slow
def test_readme_of_gestures_runs_on_the_emulated_board(copy):
    for tool in TOOLS:
        require(tool)
    folder = copy / "gestures"
    text = _run_all(folder)["make -C firmware MODEL=../gestures_mcuq run < lines.txt"]
    names = (folder / "classes.txt").read_text().split()
    # What is sent is in whole thousandths.
    values = (np.rint(1000 * np.load(folder / "test_windows.npy")[:10]) / 1000).astype(np.float32)
    expected = _simulated(api.open_firmware(folder / "gestures_mcuq"), values)
    wanted = [(str(i), names[best], str(score)) for i, (best, score) in enumerate(expected)]
    assert wanted == _answers(text, "window")


@pytest.mark.slow
def test_gestures_slide_over_a_recording_and_survive_damaged_lines(copy):
    for tool in TOOLS:
        require(tool)
    folder = copy / "gestures"
    for command in _commands(folder / "README.md"):
        if command.startswith(("mcuq build", "make -C")) and not command.endswith("lines.txt"):
            _run(folder, command)
    windows = np.rint(1000 * np.load(folder / "test_windows.npy")[:2]).astype(int)
    recording = np.concatenate(windows, axis=1).T
    lines = [" ".join(map(str, row)) for row in recording]
    # Of these only the third is a sample: its first three numbers, as from a driver that sends more axes.
    lines[10:10] = ["1 2", "noise", "1 2 3 4 5", "--", "999999999999999999 1"]
    recording = np.insert(recording, 10, (1, 2, 3), axis=0)
    (folder / "lines.txt").write_text("\n".join([*lines, "E\n"]))
    text = _run(folder, "make -C firmware MODEL=../gestures_mcuq run < lines.txt")
    sliding = np.stack([recording[at : at + 64].T for at in (0, 32, 64)]) / 1000
    expected = _simulated(api.open_firmware(folder / "gestures_mcuq"), sliding.astype(np.float32))
    names = (folder / "classes.txt").read_text().split()
    wanted = [(str(i), names[best], str(score)) for i, (best, score) in enumerate(expected)]
    assert wanted == _answers(text, "window")


@pytest.mark.slow
def test_readme_of_keywords_compiles_for_boards_and_runs_on_two(copy):
    for tool in TOOLS:
        require(tool)
    data = np.load(shared_file("mlperf_tiny/data/kws.npz"))
    folder = copy / "keywords"
    shutil.copy(shared_file("mlperf_tiny/models/kws_dscnn.onnx"), folder / "kws.onnx")
    features = (data["cal_x"].astype(np.float32) - data["float_zero_point"]) * data["float_scale"]
    np.save(folder / "features.npy", features.astype(np.float32))
    sound = sounds()[[5, 10, 7]]
    np.save(folder / "sound.npy", sound)
    printed = _run_all(folder)
    for board, firmware in (("mps2-an386", "kws_m4"), ("microbit-v1", "kws_m0plus")):
        (text,) = (
            out
            for command, out in printed.items()
            if f"BOARD={board}" in command and "run < frames" in command
        )
        expected = _simulated(api.open_firmware(folder / firmware), features[:6].astype(np.float32))
        wanted = [(str(i), str(best), str(score)) for i, (best, score) in enumerate(expected)]
        assert wanted == _answers(text, "frame"), board
    (text,) = (out for command, out in printed.items() if "run < sound.bin" in command)
    assert _answers(text, "second") == _answers_to_sound(folder, sound.ravel())
    images = {path.parent.name for path in (folder / "build").glob("*/image.elf")}
    boards = {"mps2-an386", "nucleo-l4r5zi", "nrf52840-dk", "rp2040"}
    assert images == {"microbit-v1"} | boards | {f"{board}-sound" for board in boards}


def _answers_to_sound(folder, samples):
    """Of each second that ends with a quarter: the features of the same C here, and the simulator."""
    require("cc")
    library = folder / "features.so"
    _run(folder, f"cc -std=c99 -O2 -shared -fPIC features.c -o {library}")
    seconds = [samples[at : at + 16_000] for at in range(0, samples.size - 15_999, 4_000)]
    features = np.stack([host_features(library)(second) for second in seconds])[..., None]
    found = _simulated(api.open_firmware(folder / "kws_m4"), features)
    assert len({word for word, _ in found}) > 1
    return [(str(number), str(word), str(score)) for number, (word, score) in enumerate(found)]


@pytest.mark.slow
def test_keywords_find_the_next_frame_behind_damaged_ones(copy):
    """Bytes between frames, a frame that begins twice: the frames behind them are answered as ever."""
    for tool in TOOLS:
        require(tool)
    folder = copy / "keywords"
    firmware = EXAMPLES / "digits" / "locked" / "digits.mcuq.npz"
    api.build(firmware, "cortex-m4", output=folder / "kws_m4", name="kws", verify="none")
    sizes = "-DKWS_INPUT_ELEMS=64 -DKWS_OUTPUT_ELEMS=10 -DKWS_OUTPUT_ZERO_POINT=-128"
    make = f"make MODEL=kws_m4 BOARD=mps2-an386 DEFINES='{sizes}'"
    _run(folder, make)
    images = np.load(EXAMPLES / "digits" / "test_images.npy")[:4]
    built = api.open_firmware(folder / "kws_m4")
    (codes,) = api.quantize(built, {"image": images})
    frames = [b"MCUQ" + each.tobytes() for each in codes]
    stream = frames[0] + b"\0MCMC noise" + frames[1] + b"MMMCUX" + frames[2] + frames[3] + b"xMCUE"
    (folder / "frames.bin").write_bytes(stream)
    text = _run(folder, f"{make} run < frames.bin")
    wanted = [(str(i), str(best), str(score)) for i, (best, score) in enumerate(_simulated(built, images))]
    assert wanted == _answers(text, "frame")


def test_examples_take_no_file_of_others():
    """Models and data of packs that are not ours stay outside."""
    stored = {path.name for path in EXAMPLES.rglob("*.onnx")}
    assert stored == {"model.onnx"}
    assert {path.parent.name for path in EXAMPLES.rglob("model.onnx")} == {"digits", "gestures", "sunspots"}
    assert Path(EXAMPLES / "gestures" / "DATA-LICENSE.txt").is_file()
