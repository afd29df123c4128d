"""Confidence intervals and sensitivity."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq import api
from mcuq.cli.app import app
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.stats import SEEDS, bootstrap_ci, measure_sensitivity
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"
MODEL = DIGITS / "model.onnx"
DATA = DIGITS / "calibration.npy"


def test_bootstrap_interval_is_that_of_theory():
    rng = np.random.default_rng(0)
    values = rng.choice([-1.0, 0.0, 1.0], 5000, p=[0.1, 0.85, 0.05])
    half = 1.96 * values.std() / np.sqrt(len(values))
    np.testing.assert_allclose((values.mean() - half, values.mean() + half), bootstrap_ci(values), atol=6e-4)


def test_bootstrap_interval_is_the_same_every_time():
    values = np.arange(20.0)
    assert tuple(round(x) for x in bootstrap_ci(values)) == (7.0, 12.0)
    assert bootstrap_ci(values) == bootstrap_ci(values) != bootstrap_ci(values, 1)


def test_bootstrap_interval_of_equal_samples_is_a_point():
    assert bootstrap_ci(np.full(7, 0.25)) == (0.25, 0.25)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stats") / "digits"
    options = QuantOptions(samples=16, weight_rounding="nearest")
    api.build(MODEL, "host", calibration=DATA, output=folder, verify="none", options=options)
    return folder


def test_evaluate_gives_the_interval_of_the_difference(firmware):
    arguments = [str(firmware), "--model", str(MODEL), "--inputs", str(DIGITS / "test_images.npy")]
    arguments += ["--labels", str(DIGITS / "test_labels.npy")]
    found = CliRunner().invoke(app, ["evaluate", *arguments, "--json"])
    (score,) = json.loads(found.stdout)["outputs"].values()
    assert {"float", "int8", "agreement", "sqnr_db", "ci95"} == set(score)
    low, high = score["ci95"]
    assert -0.02 < low <= score["int8"] - score["float"] <= high < 0.02
    assert " points" in CliRunner().invoke(app, ["evaluate", *arguments]).stdout


def test_evaluate_gives_no_interval_without_labels(firmware):
    result = api.evaluate(firmware, MODEL, DIGITS / "test_images.npy")
    assert [score.ci95 for score in result.outputs.values()] == [None]


def test_sensitivity_falls_with_the_number_of_samples():
    found = measure_sensitivity(read(MODEL), CalibrationData(DATA), QuantOptions(samples=64))
    assert sorted({trial.samples for trial in found.trials}) == [8, 16, 32, 64]
    assert len(found.trials) == 4 * SEEDS
    reference = found.trials[-SEEDS]
    assert (reference.samples, reference.seed, reference.change) == (64, 0, 0.0)
    few, all_of_them = (found.trials[part].change for part in (0, -1))
    assert few > all_of_them > 0
    assert all(trial.sqnr_db > 25 for trial in found.trials)
    assert max(trial.change for trial in found.trials) == found.worst[0][1] >= found.worst[2][1]


def test_calibrate_shows_the_sensitivity(tmp_path):
    command = ["calibrate", str(MODEL), "--calibration", str(DATA), "--output", str(tmp_path / "r.json")]
    found = CliRunner().invoke(app, [*command, "--samples", "16", "--sensitivity"])
    assert found.exit_code == 0, found.output
    assert "ranges that change most:" in found.stdout
