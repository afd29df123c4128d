"""Commands on a firmware folder treat images as its build did, where nobody says otherwise."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from mcuq.calibrate.images import Color, Layout, Orientation, Preprocessing
from mcuq.errors import McuqError
from mcuq.pipeline.firmware import open_firmware
from mcuq.pipeline.preprocessing import recorded_preprocessing
from tests.cli.runner import run
from tests.tools import require

# Not what images get by default, in any field.
OPTIONS = ("--color", "gray", "--size", "8x8", "--mean", "1.5", "--std", "2", "--scale", "0.0627")
OPTIONS += ("--layout", "nchw", "--orientation", "exif")
COUNT = 6


@pytest.fixture
def images(place, digits):
    """A folder of images, the current folder has firmware that was built from them."""
    folder = place / "images"
    folder.mkdir()
    values = np.load(digits.images)[:COUNT].reshape(-1, 8, 8)
    for number, image in enumerate(values):
        pixels = np.round(image / max(float(values.max()), 1e-9) * 255).clip(0, 255).astype(np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by a quarter
        Image.fromarray(pixels).resize((10, 9)).save(folder / f"{number}.png", exif=exif)
    done = run(
        "build", digits.model, "--target", "host", "--calibration", folder, *OPTIONS,
        *("--verify", "none", "--output", "seen", "--name", "digits"),
    )  # fmt: skip
    assert done.code == 0, done.err
    return folder


def _simulate(*options):
    done = run("simulate", "seen", "--inputs", "images", "--output", "out.npz", *options)
    assert done.code == 0, done.err
    with np.load("out.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_simulate_takes_images_as_the_build_did(images):
    expected, found = _simulate(*OPTIONS), _simulate()
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(array, found[name])
    for options in (("--mean", "0"), ("--orientation", "stored")):
        other = _simulate(*options)
        assert any((other[name] != array).any() for name, array in expected.items()), options


def test_manifest_records_which_way_up_images_are(images):
    manifest = json.loads((images.parent / "seen" / "digits.mcuq.json").read_text())
    assert manifest["options"]["image.orientation"] == "'exif'"


def test_evaluate_takes_images_as_the_build_did(images, digits):
    command = ("evaluate", "seen", "--model", digits.model, "--inputs", "images", "--json")
    found = run(*command)
    assert found.code == 0, found.err
    assert run(*command, *OPTIONS).json == found.json
    assert run(*command, "--scale", "0.01").json != found.json


def test_verify_takes_images(images):
    require("cc")
    done = run("verify", "seen", "--inputs", "images", "--json")
    assert done.code == 0, done.err
    assert done.json["samples"] == COUNT + 1 + 2
    assert run("verify", "seen", "--inputs", "images", "--std", "0").code == 2


def test_preprocessing_is_read_as_it_was_written(images, digits):
    recorded = recorded_preprocessing(open_firmware(images.parent / "seen").plan.program)
    assert (
        Preprocessing(Color.GRAY, (8, 8), (1.5,), (2.0,), 0.0627, Layout.NCHW, Orientation.EXIF) == recorded
    )
    assert Preprocessing() == recorded_preprocessing(open_firmware(digits.firmware).plan.program)


@pytest.mark.parametrize(
    "option",
    [
        ("image.color", "'red'"),
        ("image.size", "(8, 0)"),
        ("image.size", "8"),
        ("image.mean", "1.5"),
        ("image.mean", "('a',)"),
        ("image.std", "__import__('os')"),
        ("image.scale", "("),
        ("image.scale", "1" + "0" * 400),
        ("image.layout", "3"),
        ("image.orientation", "'up'"),
    ],
)
def test_damaged_preprocessing_is_refused(digits, option):
    program = open_firmware(digits.firmware).plan.program
    program = dataclasses.replace(program, origin=dataclasses.replace(program.origin, options=(option,)))
    with pytest.raises(McuqError, match="M009"):
        recorded_preprocessing(program)
