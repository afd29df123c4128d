"""Evaluation data against the calibration that a program remembers."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq import api
from mcuq.calibrate.drift import drift_warnings, from_seen, to_seen
from mcuq.calibrate.params import Range
from mcuq.calibrate.ranges import Fingerprint, Ranges, TensorRange
from mcuq.calibrate.store import TensorStore
from mcuq.cli.app import app
from mcuq.errors import McuqError
from mcuq.ir.program import Origin, RangeSource, SeenTensor
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ops.registry import STEP_OPS
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift") / "digits"
    options = QuantOptions(weight_rounding="nearest")
    data = DIGITS / "calibration.npy"
    api.build(DIGITS / "model.onnx", "host", calibration=data, output=folder, verify="none", options=options)
    return folder


def warnings_of(firmware, x, tmp_path):
    np.save(tmp_path / "x.npy", np.asarray(x, np.float32))
    return api.evaluate(firmware, DIGITS / "model.onnx", tmp_path / "x.npy").warnings


def store_of(values):
    store = TensorStore()
    store.update(np.asarray(values, np.float32))
    return store


def seen_of(lo, hi, saturation=0.0):
    return TensorRange(Range(lo, hi), Fingerprint(lo, hi, 0.0, 1.0, saturation))


def test_right_data_does_not_drift(firmware, tmp_path):
    assert warnings_of(firmware, np.load(DIGITS / "test_images.npy"), tmp_path) == ()


def test_saturating_data_drifts_with_the_worst_three_named(firmware, tmp_path):
    title, *worst = warnings_of(firmware, 3 * np.load(DIGITS / "test_images.npy"), tmp_path)
    assert "unlike the calibration data in" in title and len(worst) == 3
    assert all("of the values saturate" in text for text in worst)


def test_data_that_uses_little_of_the_range_drifts(firmware, tmp_path):
    found = warnings_of(firmware, np.load(DIGITS / "test_images.npy") / 16, tmp_path)
    assert any("use 6% of the calibrated range" in text for text in found)


def test_few_samples_are_not_judged(firmware, tmp_path):
    assert warnings_of(firmware, 3 * np.load(DIGITS / "test_images.npy")[:15], tmp_path) == ()


def test_evaluate_prints_the_warnings(firmware, tmp_path):
    np.save(tmp_path / "x.npy", 3 * np.load(DIGITS / "test_images.npy")[:20])
    command = ["evaluate", str(firmware), "--model", str(DIGITS / "model.onnx")]
    found = CliRunner().invoke(app, [*command, "--inputs", str(tmp_path / "x.npy"), "--json"])
    assert "warning: the data is unlike" in found.stderr
    assert len(json.loads(found.stdout)["warnings"]) == 4


def test_single_values_of_small_tensors_may_saturate():
    store = store_of([0.5] * 310 + [2.0] * 10)
    assert drift_warnings({"t": seen_of(0, 1)}, {"t": store}, 320) == ()
    assert drift_warnings({"t": seen_of(0, 1)}, {"t": store}, 32) != ()


def test_what_saturated_in_calibration_may_saturate_again():
    store = store_of([0.5] * 31_000 + [2.0] * 1000)
    assert drift_warnings({"t": seen_of(0, 1, 0.02)}, {"t": store}, 32) == ()
    assert drift_warnings({"t": seen_of(0, 1, 0.01)}, {"t": store}, 32) != ()


def test_seen_comes_back_exactly():
    ranges = Ranges({"t": TensorRange(Range(-0.1, 1 / 3), Fingerprint(-0.2, 0.7, 0.1, 1e-9, 0.25))})
    assert from_seen(to_seen(ranges)) == dict(ranges.tensors)


def test_stored_program_keeps_what_was_seen_and_builds_the_same(firmware, tmp_path):
    program = api.open_firmware(firmware).plan.program
    assert program.origin.seen
    build(firmware / "model.mcuq.npz", "host", output=tmp_path / "again", name="model", verify="none")
    files = sorted(path.relative_to(firmware) for path in firmware.rglob("*") if path.is_file())
    assert all((firmware / path).read_bytes() == (tmp_path / "again" / path).read_bytes() for path in files)


def test_stored_program_of_earlier_versions_has_seen_nothing(firmware):
    import dataclasses

    program = api.open_firmware(firmware).plan.program
    origin = Origin(program.origin.model_sha256, RangeSource.CALIBRATED, program.origin.options)
    data = program_to_npz(dataclasses.replace(program, origin=origin))
    assert b'"seen"' not in data
    assert program_from_npz(data, "x", STEP_OPS).origin.seen == ()


@pytest.mark.parametrize("change", [{"lo": 2.0}, {"mean": float("nan")}, {"saturation": 1.5}])
def test_nonsense_was_never_seen(firmware, change):
    values = {"name": "t", "lo": 0.0, "hi": 1.0, "smallest": 0.0, "largest": 1.0}
    values |= {"mean": 0.5, "deviation": 0.1, "saturation": 0.0} | change
    with pytest.raises((ValueError, McuqError)):
        SeenTensor(**values)
