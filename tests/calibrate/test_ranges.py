import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.ranges import (
    Fingerprint,
    Ranges,
    TensorRange,
    choose_ranges,
    drift,
    fingerprint,
    ranges_from_json,
    ranges_to_json,
)
from mcuq.calibrate.store import TensorStore

from .helpers import refusal, store_of

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
GAUSS = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)


def chosen() -> Ranges:
    stores = {name: store_of(GAUSS * scale) for name, scale in (("x", 1), ('odd "name"\n', 2), ("given", 3))}
    given = {"given": Range(-0.1, 1 / 3)}
    return choose_ranges(stores, Scheme.ASYMMETRIC, METHODS["mse"], ["x"], given)


def test_choose_ranges_spares_inputs_and_keeps_what_is_given() -> None:
    ranges = chosen()
    assert ranges["x"] == Range(float(GAUSS.min()), float(GAUSS.max()))
    assert ranges['odd "name"\n'].hi < 2 * GAUSS.max()
    assert ranges["given"] == Range(-0.1, 1 / 3)
    assert "x" in ranges
    assert "y" not in ranges
    assert len(ranges) == 3


def test_ranges_survive_json_bit_for_bit() -> None:
    ranges = chosen()
    text = ranges_to_json(ranges)
    assert ranges_from_json(text).tensors == ranges.tensors
    assert list(ranges_from_json(text).tensors) == list(ranges.tensors)
    assert ranges_to_json(ranges_from_json(text)) == text
    assert (-0.1).hex() in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "other", "tensors": {}}',
        '{"format": "mcuq-ranges-1", "tensors": {"x": {"range": ["0x1p0"], "seen": []}}}',
        '{"format": "mcuq-ranges-1", "tensors": {"x": {"range": [1, 2], "seen": [0, 0, 0, 0, 0]}}}',
        ranges_to_json(chosen()).replace((-0.1).hex(), "nan"),
        ranges_to_json(chosen()).replace((-0.1).hex(), "0x1p5"),
        ranges_to_json(chosen()).replace((-0.1).hex(), "0x1p5000"),
    ],
)
def test_damaged_ranges_are_refused(text: str) -> None:
    assert "a.json" in refusal("O004", lambda: ranges_from_json(text, "a.json"))


def test_fingerprint_describes_the_values() -> None:
    seen = fingerprint(store_of(GAUSS + 1), Range(-1.0, 3.0))
    values = (GAUSS + 1).astype(np.float64)
    assert (seen.lo, seen.hi) == (float((GAUSS + 1).min()), float((GAUSS + 1).max()))
    assert seen.mean == pytest.approx(values.mean(), abs=1e-3)
    assert seen.deviation == pytest.approx(values.std(), abs=1e-3)
    outside = np.mean((values < -1) | (values > 3))
    assert seen.saturation == pytest.approx(outside, abs=2e-3)


def test_fingerprint_of_nothing_is_zero() -> None:
    assert fingerprint(TensorStore(), Range(0.0, 0.0)) == Fingerprint(0.0, 0.0, 0.0, 0.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32, st.integers(1, 20), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)
    )
)
def test_fingerprint_does_not_depend_on_the_order(values: np.ndarray) -> None:
    value_range = METHODS["minmax"](store_of(values), Scheme.ASYMMETRIC)
    seen = fingerprint(store_of(values), value_range)
    assert seen == fingerprint(store_of(values[::-1]), value_range)
    assert seen.saturation == 0
    assert np.isfinite([seen.mean, seen.deviation]).all()


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        (GAUSS, None),
        (GAUSS * 2, "of the values saturate, 0.00% did in calibration"),
        (GAUSS * 0.1, "use 10% of"),
        (np.full(10, 0.3), "use 0% of"),
        (np.full(10, 30.0), "100.00% of the values saturate"),
    ],
)
def test_drift_is_noticed(values: np.ndarray, warning: str | None) -> None:
    value_range = Range(-4.5, 4.5)
    entry = TensorRange(value_range, fingerprint(store_of(GAUSS), value_range))
    found = drift(entry, store_of(values))
    assert found is None if warning is None else warning in (found or "")


def test_drift_forgives_what_calibration_clipped_too() -> None:
    value_range = Range(-2.0, 2.0)
    entry = TensorRange(value_range, fingerprint(store_of(GAUSS), value_range))
    assert entry.seen.saturation > 0.04
    assert drift(entry, store_of(GAUSS)) is None
    empty = TensorRange(Range(0.0, 0.0), fingerprint(TensorStore(), Range(0.0, 0.0)))
    assert drift(empty, TensorStore()) is None
