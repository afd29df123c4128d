import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mcuq.calibrate.store import BINS, TensorStore

from .helpers import store_of

FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)
ARRAYS = hnp.arrays(np.float32, st.integers(0, 60), elements=FLOATS)


def reference(values: np.ndarray) -> TensorStore:
    """One value at a time, in exact rational steps."""
    store = TensorStore()
    finite = [float(v) for v in values if math.isfinite(v)]
    store.nans = sum(math.isnan(v) for v in values)
    store.infs = sum(math.isinf(v) for v in values)
    store.count = len(finite)
    store.zeros = finite.count(0.0)
    if not finite:
        return store
    store.lo, store.hi = min(finite) + 0.0, max(finite) + 0.0
    amax = max(map(abs, finite))
    if not amax:
        return store
    store.exponent = math.frexp(amax)[1]
    for v in finite:
        index = int(math.ldexp(abs(v), 11 - store.exponent))
        if v:
            (store.pos if v > 0 else store.neg)[index] += 1
    return store


@settings(max_examples=150, deadline=None)
@given(ARRAYS)
def test_store_equals_one_value_at_a_time(values: np.ndarray) -> None:
    assert reference(values) == store_of(values)


@settings(max_examples=150, deadline=None)
@given(ARRAYS, st.data())
def test_store_is_the_same_for_any_split_and_order(values: np.ndarray, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(values.size))), int)
    cuts = sorted(data.draw(st.lists(st.integers(0, values.size), max_size=4)))
    parts = np.split(values[order], cuts)
    whole = store_of(values)
    assert whole == store_of(*parts)
    merged = TensorStore()
    for part in reversed(parts):
        merged.merge(store_of(part))
    assert whole == merged


def test_store_is_the_same_for_blocks_of_a_large_tensor() -> None:
    values = np.random.default_rng(0).standard_normal(200_003).astype(np.float32) ** 3
    values[::7] = 0
    ascending = np.sort(values)
    assert store_of(values) == store_of(ascending) == store_of(*np.array_split(ascending[::-1], 13))
    assert store_of(values) == reference(values)


def test_store_keeps_the_sides_apart_at_bin_edges() -> None:
    store = store_of([4.0, -4.0, 3.9999998, -3.9999998, 0.0, -0.0, 1e-30, -1e-30])
    width = store.width
    assert width == 8 / BINS
    assert list(np.flatnonzero(store.pos)[::-1]) == [1024, 1023, 0]
    assert list(np.flatnonzero(store.neg)[::-1]) == [1024, 1023, 0]
    assert (store.count, store.zeros, store.hi, store.lo) == (8, 2, 4.0, -4.0)


def test_store_of_negative_zeros_holds_no_sign() -> None:
    store = store_of([-0.0, -0.0])
    assert (store.count, store.zeros, store.exponent, store.width) == (2, 2, None, 0.0)
    assert math.copysign(1, store.lo) == math.copysign(1, store.hi) == 1


@pytest.mark.parametrize("value", [1e-45, 1.1754942e-38, 1.1754944e-38, 3.4028235e38, 2.0**127, 2.0**-116])
def test_store_holds_the_extremes_of_float32(value: float) -> None:
    values = np.array([value, -value, value / 2], np.float32)
    assert reference(values) == store_of(values)


def test_store_counts_and_drops_what_is_not_finite() -> None:
    store = store_of([1.0, np.nan, np.inf, -np.inf, -2.0], [np.nan])
    assert (store.count, store.nans, store.infs) == (2, 2, 2)
    assert (store.lo, store.hi) == (-2.0, 1.0)
    assert store.nonfinite_rate == 4 / 6


def test_store_of_nothing_is_neutral_in_a_merge() -> None:
    store = store_of([-3.0, -1.0])
    expected = store_of([-3.0, -1.0])
    store.merge(TensorStore())
    assert expected == store
    empty = TensorStore()
    empty.merge(expected)
    assert expected == empty
    assert TensorStore().nonfinite_rate == 0


def test_store_takes_float16_exactly_and_refuses_float64() -> None:
    values = np.array([1.5, -65504, 6e-8], np.float16)
    store = TensorStore()
    store.update(values)
    assert store_of(values.astype(np.float32)) == store
    with pytest.raises(AssertionError):
        store.update(np.zeros(1, np.float64))


@settings(max_examples=50, deadline=None)
@given(ARRAYS)
def test_store_survives_its_arrays(values: np.ndarray) -> None:
    store = store_of(values)
    again = TensorStore.from_arrays(store.to_arrays())
    assert store == again
    assert store.exponent == again.exponent
    assert store != "a store"


def test_store_reads_any_memory_layout() -> None:
    values = np.arange(-60, 60, dtype=np.float32).reshape(4, 5, 6)
    assert store_of(values) == store_of(values.transpose(2, 0, 1)[:, ::-1])
