"""Warnings about methods that cut off too much."""

from pathlib import Path

import numpy as np
import pytest

from mcuq.calibrate.clipping import clipping_warnings
from mcuq.calibrate.mse import mse, squared_error
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.ranges import Ranges, TensorRange, fingerprint
from mcuq.calibrate.store import TensorStore
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.pipeline.analyze import analyze
from mcuq.pipeline.calibrate import calibrate_model, data_warnings
from mcuq.pipeline.calibration import CalibrationData

DIGITS = Path(__file__).resolve().parents[2] / "firmware_examples/digits"


def store_of(values):
    store = TensorStore()
    store.update(values)
    return store


def test_squared_error_is_that_of_the_grid():
    values = np.random.default_rng(3).normal(size=4000).astype(np.float32)
    store, limits = store_of(values), Range(-2.0, 3.0)
    step = np.float64(np.float32(5.0 / 255))
    zero = np.round(-128 + 2.0 / step)
    codes = np.clip(np.round(values / step) + zero, -128, 127)
    expected = np.square((codes - zero) * step - values).sum()
    assert squared_error(store, limits, Scheme.ASYMMETRIC) == pytest.approx(expected, rel=0.02)


def test_only_ranges_that_cut_off_too_much_are_named():
    store = store_of(np.random.default_rng(4).normal(size=4000).astype(np.float32))
    chosen = {"wide": mse(store, Scheme.ASYMMETRIC), "narrow": Range(-1.0, 1.0)}
    ranges = Ranges({name: TensorRange(each, fingerprint(store, each)) for name, each in chosen.items()})
    stores = dict.fromkeys(chosen, store)
    (text,) = clipping_warnings(ranges, stores, Scheme.ASYMMETRIC, "kl", list(chosen))
    assert "--calibration-method kl clips 1 of 2 tensors too hard: 'narrow'" in text
    assert list(clipping_warnings(ranges, stores, Scheme.ASYMMETRIC, "kl", ["wide"])) == []
    assert list(clipping_warnings(ranges, stores, Scheme.ASYMMETRIC, "kl", [])) == []


@pytest.mark.parametrize(("method", "count"), [("mean", 1), ("minmax", 0), ("percentile", 0), ("mse", 0)])
def test_build_and_analyze_say_so(method, count):
    options, data = QuantOptions(method=method), CalibrationData(DIGITS / "calibration.npy")
    texts = data_warnings(calibrate_model(read(DIGITS / "model.onnx"), data, options))
    assert count == sum("clips" in text for text in texts)
    if method == "mean":
        assert texts == analyze(DIGITS / "model.onnx", data, options, samples=2)[0].warnings
