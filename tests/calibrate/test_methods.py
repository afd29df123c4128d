import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mcuq.calibrate.kl import kl
from mcuq.calibrate.methods import DEFAULT_METHOD, METHODS
from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.mse import mse
from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.calibrate.percentile import percentile
from mcuq.calibrate.store import BINS, TensorStore
from mcuq.ir.integer import round_half_away_array

from .helpers import store_of

COUNT = 200_000
ASYMMETRIC, SYMMETRIC = Scheme.ASYMMETRIC, Scheme.SYMMETRIC


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    """Quantiles instead of draws: the same tails every time."""
    half = (np.arange(COUNT // 2) + 0.5) / COUNT
    lower = np.array([NormalDist().inv_cdf(p) for p in half])
    gauss = np.concatenate([lower, -lower])
    exponential = np.log(2 * half)
    outliers = gauss.copy()
    outliers[:: COUNT // 20] = 40
    return {
        "gauss": gauss,
        "laplace": np.concatenate([exponential, -exponential]),
        "relu": np.maximum(gauss, 0),
        "20 outliers": outliers,
    }


def sqnr_db(values: np.ndarray, value_range: Range) -> float:
    params = quant_params(value_range, ASYMMETRIC)
    codes = np.clip(round_half_away_array(values / params.step) + params.zero_point, -128, 127)
    noise = values - (codes - params.zero_point) * params.step
    return 10 * math.log10(float(values @ values) / float(noise @ noise))


@pytest.mark.parametrize(
    ("name", "figures", "tolerance"),
    [
        ("gauss", (39.7, 40.4, 40.3, 40.5), 0.3),
        ("laplace", (34.5, 35.2, 35.3, 35.5), 0.9),  # its far tail decides, which differs from draw to draw
        ("relu", (45.95, 45.6, 46.2, 46.3), 0.5),
        ("20 outliers", (26.5, 26.7, 9.5, 26.8), 0.2),
    ],
)
def test_methods_reach_the_published_sqnr(
    tensors: dict[str, np.ndarray], name: str, figures: tuple[float, ...], tolerance: float
) -> None:
    store = store_of(tensors[name])
    ranges = [
        minmax(store, ASYMMETRIC),
        percentile(store, ASYMMETRIC, 99.99),
        kl(store, ASYMMETRIC),
        mse(store, ASYMMETRIC),
    ]
    assert [sqnr_db(tensors[name], r) for r in ranges] == pytest.approx(figures, abs=tolerance)


def test_kl_with_the_zero_spike_would_clip_a_relu_tensor(tensors: dict[str, np.ndarray]) -> None:
    store = store_of(tensors["relu"])
    assert store.zeros == COUNT / 2
    assert sqnr_db(tensors["relu"], kl(store, ASYMMETRIC)) > 45.5
    store.pos[0] += store.zeros  # what a histogram that keeps them would hold
    spoilt = kl(store, ASYMMETRIC)
    assert spoilt.hi < 0.45 * store.hi
    assert sqnr_db(tensors["relu"], spoilt) < 20


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("scheme", Scheme)
def test_methods_of_nothing_give_zero(name: str, scheme: Scheme) -> None:
    assert (
        METHODS[name](TensorStore(), scheme) == METHODS[name](store_of([0, -0.0]), scheme) == Range(0.0, 0.0)
    )


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(-(2.0**120), 2.0**120, width=32)))
def test_methods_stay_within_minmax(values: np.ndarray) -> None:
    store = store_of(values)
    before = store.to_arrays()
    for scheme in Scheme:
        limits = minmax(store, scheme)
        assert limits.lo <= values.min()
        assert limits.hi >= values.max()
        for name, method in METHODS.items():
            found = method(store, scheme)
            assert limits.lo <= found.lo <= 0 <= found.hi <= limits.hi, name
            assert found.lo == -found.hi or scheme is ASYMMETRIC, name
            assert found.amax > 0 or limits.amax == 0, name
    assert all(np.array_equal(before[key], array) for key, array in store.to_arrays().items())


def test_registry_lists_the_methods_of_the_command_line() -> None:
    assert set(METHODS) == {"mse", "minmax", "percentile", "kl", "mean"}
    assert DEFAULT_METHOD in METHODS


def test_percentile_interpolates_within_a_bin() -> None:
    values = np.arange(1, 1001) / 1000  # a thousand steps over half the bins of one side
    for percent in (60, 90, 99, 99.5):
        found = percentile(store_of(values), ASYMMETRIC, percent)
        assert found.lo == 0
        assert found.hi == pytest.approx(percent / 100, abs=2 / BINS)


def test_percentile_clips_each_side_and_takes_the_larger_of_a_gap() -> None:
    values = np.concatenate([np.linspace(-1, 1, 998), [100, 100]])
    assert percentile(store_of(values), ASYMMETRIC, 99.8).hi == 100
    assert percentile(store_of(values), ASYMMETRIC, 99.7).hi < 1.1
    assert percentile(store_of(-values), ASYMMETRIC, 99.7).lo > -1.1
    assert percentile(store_of(-values), SYMMETRIC, 99.7) == percentile(store_of(values), SYMMETRIC, 99.7)
    assert percentile(store_of(values), ASYMMETRIC, 100) == minmax(store_of(values), ASYMMETRIC)


def test_percentile_does_not_see_zeros() -> None:
    values = np.linspace(-3, 5, 1000)
    sparse = np.concatenate([values, np.zeros(9000)])
    assert percentile(store_of(values), ASYMMETRIC, 99) == percentile(store_of(sparse), ASYMMETRIC, 99)


def plain_kl(store: TensorStore, levels: int) -> int:
    """The specification, one candidate and one bin at a time."""
    counts = [int(c) for c in store.neg + store.pos]
    last = max(k for k, c in enumerate(counts) if c)
    divergences = {}
    for i in range(levels, last + 2):
        p = [float(c) for c in counts[:i]]
        p[-1] += sum(counts[i:])
        q = [0.0] * i
        for g in range(levels):
            group = range(i * g // levels, i * (g + 1) // levels)
            used = [k for k in group if counts[k]]
            for k in used:
                q[k] = sum(counts[j] for j in group) / len(used)
        total_p, total_q = sum(p), sum(q) or 1.0
        divergences[i] = sum(
            a / total_p * math.log(a / total_p / (b / total_q or 1e-12))
            for a, b in zip(p, q, strict=True)
            if a
        )
    least = min(divergences.values())
    return max(i for i, d in divergences.items() if d <= least + 1e-12)


@pytest.mark.parametrize(
    ("make", "levels"),
    [
        (lambda rng: rng.standard_normal(500), 128),
        (lambda rng: np.abs(rng.standard_normal(1000)), 255),
        (lambda rng: -rng.exponential(size=300), 255),
        (lambda rng: np.concatenate([rng.standard_normal(900), [20.0]]), 128),
        (lambda rng: np.array([5.0, 5.0, 0.0]), 255),
    ],
)
def test_kl_is_its_specification(make: Callable[[np.random.Generator], np.ndarray], levels: int) -> None:
    store = store_of(make(np.random.default_rng(1)))
    threshold = plain_kl(store, levels) * store.width
    assert kl(store, ASYMMETRIC) == Range(
        max(minmax(store, ASYMMETRIC).lo, -threshold), min(max(store.hi, 0), threshold)
    )


def test_kl_of_a_symmetric_one_sided_tensor_has_128_levels() -> None:
    store = store_of(np.abs(np.random.default_rng(1).standard_normal(1000)))
    assert kl(store, SYMMETRIC).hi == min(plain_kl(store, 128) * store.width, store.hi)
