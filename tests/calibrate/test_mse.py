import numpy as np
import pytest

from mcuq.calibrate.minmax import minmax
from mcuq.calibrate.mse import mse
from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.ir.integer import round_half_away_array

from .helpers import store_of

BOTH = pytest.mark.parametrize("scheme", Scheme)


def squared_error(values: np.ndarray, value_range: Range, scheme: Scheme) -> float:
    params = quant_params(value_range, scheme)
    exact = values.astype(np.float64)
    codes = np.clip(round_half_away_array(exact / params.step) + params.zero_point, -128, 127)
    return float(((exact - (codes - params.zero_point) * params.step) ** 2).sum())


@BOTH
@pytest.mark.parametrize("kind", ["gauss", "laplace", "relu", "negative", "skewed", "heavy"])
def test_mse_is_close_to_the_true_optimum(kind: str, scheme: Scheme) -> None:
    rng = np.random.default_rng(3)
    gauss = rng.standard_normal(40_000)
    values = {
        "gauss": gauss,
        "laplace": rng.laplace(size=40_000),
        "relu": np.maximum(gauss, 0),
        "negative": -np.abs(gauss),
        "skewed": np.where(gauss < 0, gauss / 20, gauss),
        "heavy": rng.standard_t(3, 40_000),
    }[kind].astype(np.float32)
    limits = minmax(store_of(values), scheme)
    found = squared_error(values, mse(store_of(values), scheme), scheme)
    assert found <= squared_error(values, limits, scheme) * 1.001
    rough = [Range(limits.lo * f, limits.hi * f) for f in np.linspace(0.2, 1, 41)]
    # The histogram's resolution costs at most a few percent of the noise, about 0.1 dB.
    assert found <= 1.03 * min(squared_error(values, r, scheme) for r in rough)


@pytest.mark.parametrize("lo", [-255, -100, 0])
def test_mse_keeps_minmax_of_values_on_its_grid(lo: int) -> None:
    store = store_of(np.arange(lo, lo + 256))
    assert mse(store, Scheme.ASYMMETRIC) == minmax(store, Scheme.ASYMMETRIC)
    store = store_of(np.arange(-127, 128))
    assert mse(store, Scheme.SYMMETRIC) == minmax(store, Scheme.SYMMETRIC)


@BOTH
@pytest.mark.parametrize("values", [[], [0.0], [0.0, -0.0]])
def test_mse_of_nothing_is_zero(values: list[float], scheme: Scheme) -> None:
    assert Range(0.0, 0.0) == mse(store_of(values), scheme)


@BOTH
@pytest.mark.parametrize("value", [1e-45, 1e-38, 1.0, 3.4e38])
def test_mse_of_one_value_stays_within_minmax(value: float, scheme: Scheme) -> None:
    for sign in (1, -1):
        store = store_of([sign * value])
        found, limits = mse(store, scheme), minmax(store, scheme)
        assert limits.lo <= found.lo <= 0 <= found.hi <= limits.hi
        assert squared_error(np.array([sign * value]), found, scheme) <= (0.02 * value) ** 2 or value < 1e-37


def test_mse_is_mirrored_for_negative_tensors() -> None:
    values = np.random.default_rng(0).exponential(size=10_000)
    found, mirrored = mse(store_of(values), Scheme.ASYMMETRIC), mse(store_of(-values), Scheme.ASYMMETRIC)
    assert found.hi == pytest.approx(-mirrored.lo, rel=0.02)
    assert 0 == found.lo == mirrored.hi


def test_minmax_holds_zero_and_mirrors_when_symmetric() -> None:
    assert Range(0.0, 3.0) == minmax(store_of([1.0, 3.0]), Scheme.ASYMMETRIC)
    assert Range(-3.0, 0.0) == minmax(store_of([-1.0, -3.0]), Scheme.ASYMMETRIC)
    assert Range(-3.0, 3.0) == minmax(store_of([-3.0, 1.0]), Scheme.SYMMETRIC)
