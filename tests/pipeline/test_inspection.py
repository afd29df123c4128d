"""Warnings about calibration data: in themselves, and to the model's normalizations."""

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.calibrate.domain import DomainCollector, check_domain
from mcuq.calibrate.inspect import SampleInspector
from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import choose_ranges
from mcuq.calibrate.store import TensorStore
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.float_run import FloatRun
from tests.project.source import ROOT
from tests.small_models import Net, save

DIGITS = ROOT / "firmware_examples" / "digits"


@pytest.fixture(scope="module")
def digits():
    return np.load(DIGITS / "calibration.npy")


def samples_of(x):
    return Samples.from_arrays({"x": np.asarray(x, np.float32)})


def inspect_samples(samples):
    inspector = SampleInspector()
    for batch in samples.batches(3):
        inspector.take(batch)
    return list(inspector.warnings())


def warnings_of(x, samples=128, model=DIGITS / "model.onnx", port="image"):
    x = np.asarray(x, np.float32)
    data = CalibrationData(Samples.from_arrays({port: x.reshape(len(x), 1, *x.shape[-3:])}))
    return calibrate_model(read(model), data, QuantOptions(samples=samples, sampling="first")).warnings


def test_good_samples_are_not_remarked_on():
    assert inspect_samples(samples_of(np.random.default_rng(0).normal(size=(20, 1, 4)))) == []


def test_few_samples_are_remarked_on():
    (text,) = inspect_samples(samples_of(np.random.default_rng(0).normal(size=(15, 1, 4))))
    assert "only 15 calibration samples" in text


def test_repeated_samples_are_counted():
    x = np.random.default_rng(0).normal(size=(20, 1, 4))
    x[[7, 9]] = x[3]
    (text,) = inspect_samples(samples_of(x))
    assert text == "2 of 20 calibration samples repeat others exactly, as 7 does 3"


def test_constant_samples_are_counted():
    x = np.random.default_rng(0).normal(size=(20, 1, 4))
    x[5], x[6] = 1, 2
    (text,) = inspect_samples(samples_of(x))
    assert text == "2 of 20 calibration samples hold one value throughout, as sample 5"


def test_samples_of_one_value_are_never_constant():
    assert inspect_samples(samples_of(np.arange(20).reshape(20, 1, 1))) == []


def test_dropped_values_are_recorded_by_tensor():
    store = TensorStore()
    store.update(np.array([1.0, np.nan, np.inf] + [2.0] * 10_000, np.float32))
    assert choose_ranges({"t": store}, Scheme.ASYMMETRIC, METHODS["minmax"]).dropped == {"t": 2}


@pytest.mark.parametrize("count", [4, 8, 16, 64])
def test_right_data_is_not_remarked_on(digits, count):
    assert [text for text in warnings_of(digits[:count], count) if "only" not in text] == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda x: x / 255, "255 times too small"),
        (lambda x: x * 255, "255 times too large"),
        (lambda x: x / 127.5 - 1, "map -1..1 by 127.5 x + 127.5"),
        (lambda x: 16 - x, "unlike what the model was trained on"),
        (lambda x: x * 0 + x.mean(axis=(1, 2, 3), keepdims=True), "unlike what the model was trained on"),
    ],
)
def test_wrong_data_is_remarked_on(digits, change, expected):
    found = [text for text in warnings_of(change(digits)) if "normalizations" in text]
    assert len(found) == 1 and expected in found[0]


def color_model(folder, x):
    """A model with normalizations that have seen x, `[n, 3, h, w]`."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(16, 3, 1, 1))
    seen = np.einsum("nchw,mc->mnhw", x, w[:, :, 0, 0]).reshape(16, -1)
    net = Net(x=[1, 3, *x.shape[2:]])
    y = net.add("Conv", "x", net.const(w), net.const(np.zeros(16)), kernel_shape=[1, 1])
    values = [np.ones(16), np.zeros(16), seen.mean(1), seen.var(1)]
    y = net.add("BatchNormalization", y, *(net.const(each) for each in values))
    return save(net.model(net.add("Relu", y)), folder)


def test_swapped_colours_are_recognized(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 3, 6, 6)) + np.array([1.0, 0.0, -1.0]).reshape(3, 1, 1)
    path = color_model(tmp_path, x)
    assert warnings_of(x, model=path, port="x") == ()
    (text,) = warnings_of(x[:, ::-1], model=path, port="x")
    assert "colours look swapped" in text


def test_divergence_of_the_training_data_is_none(tmp_path):
    x = np.random.default_rng(0).normal(size=(8, 3, 6, 6)).astype(np.float32)
    source = read(color_model(tmp_path, x))
    found = source.normalizations
    run = FloatRun(canonicalize(source.graph), [], source.graph, [each.x for each in found])
    samples, names = samples_of(x[:, None]), run.names_as_read

    def values(changed, tensors):
        for each in run.values(changed, [names[name] for name in tensors]):
            yield {name: each[names[name]] for name in tensors}

    collector = DomainCollector(found)
    for each in values(samples, list(names)):
        collector.take(each)
    np.testing.assert_allclose(0, collector.divergences(), atol=1e-6)
    assert check_domain(found, collector.divergences(), samples, values) is None


def test_a_normalization_of_the_input_itself_is_passed_over(tmp_path):
    net = Net(x=[1, 3, 4, 4])
    y = net.batchnorm("x", 3)
    path = save(net.model(net.add("Relu", net.conv(y, 3, 2, [1, 1], kernel_shape=[1, 1]))), tmp_path)
    assert warnings_of(np.random.default_rng(0).normal(size=(16, 3, 4, 4)), model=path, port="x") == ()
