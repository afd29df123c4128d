"""The mean of per-sample extremes, exact in any order."""

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.mean import mean
from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.run import collect
from mcuq.calibrate.store import TensorStore
from tests.small_models import Net


def store_of(x):
    store = TensorStore()
    store.update_samples(np.asarray(x, np.float32))
    return store


def test_mean_averages_the_extremes_of_samples():
    store = store_of([[-1, 2], [-3, 5], [0, 2]])
    assert mean(store, Scheme.ASYMMETRIC) == Range(-4 / 3, 3.0)
    assert mean(store, Scheme.SYMMETRIC) == Range(-3.0, 3.0)


def test_mean_holds_zero():
    assert mean(store_of([[1, 2], [3, 4]]), Scheme.ASYMMETRIC) == Range(0.0, 3.0)


def test_mean_leaves_out_what_is_not_finite():
    store = store_of([[-np.inf, 1, 2], [np.nan, np.nan, np.inf], [-1, 3, np.nan]])
    assert (mean(store, Scheme.ASYMMETRIC), store.samples) == (Range(0.0, 2.5), 2)


def test_mean_of_values_without_samples_is_minmax():
    store = TensorStore()
    store.update(np.array([-1.0, 3.0], np.float32))
    assert mean(store, Scheme.ASYMMETRIC) == Range(-1.0, 3.0)


def test_mean_is_bit_identical_in_any_order_and_split():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(50, 7)) * 10.0 ** rng.integers(-44, 38, (50, 1))).astype(np.float32)
    whole, parts = store_of(x), store_of(x[::-1][:20])
    parts.merge(store_of(x[::-1][20:]))
    assert whole == parts == TensorStore.from_arrays(whole.to_arrays())
    assert mean(whole, Scheme.ASYMMETRIC) == mean(parts, Scheme.ASYMMETRIC)


def test_mean_of_a_network_counts_samples_not_values():
    net = Net(x=["n", 2])
    model = net.model(net.add("Relu", "x", outputs=["y"]), shape=["n", 2]).SerializeToString()
    x = np.array([[[-1, 2]], [[3, 5]], [[-6, -8]]], np.float32)
    samples = Samples.from_arrays({"x": x})
    for batch in (1, 2, 3):
        stores = collect(model, samples, ["x", "y"], batch)
        assert METHODS["mean"](stores["x"], Scheme.ASYMMETRIC) == Range(-2.0, 1 / 3)
        assert METHODS["mean"](stores["y"], Scheme.ASYMMETRIC) == Range(0.0, 7 / 3)
