"""Headroom above what was seen in calibration."""

import numpy as np
import pytest

from mcuq.calibrate.data import Samples
from mcuq.calibrate.headroom import _widen
from mcuq.calibrate.params import Range
from mcuq.frontend import read
from mcuq.ir.op import Clamp
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.measure import Wanted, observe
from mcuq.settings import Override
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"
GRAPH = canonicalize(read(DIGITS / "model.onnx").graph)
INPUT = GRAPH.inputs[0]
IMAGES = np.load(DIGITS / "calibration.npy")[:16].reshape(-1, *INPUT.model_shape)
SAMPLES = Samples.from_arrays({INPUT.name: IMAGES})


def measured(**options):
    return observe(GRAPH, SAMPLES, QuantOptions(**options), Wanted()).ranges


def test_headroom_widens_both_ends_of_ranges_that_mse_found():
    plain, wide = measured(headroom=1.0), measured(headroom=1.5)
    for name in plain.tensors:
        factor = 1.0 if name == INPUT.tensor else 1.5
        assert factor * plain[name].lo == pytest.approx(wide[name].lo)
        assert factor * plain[name].hi == pytest.approx(wide[name].hi)
    assert len(plain) > 2


def test_headroom_lowers_the_share_of_values_that_saturates():
    plain, wide = measured(headroom=1.0), measured(headroom=1.5)
    shares = [sum(each.seen.saturation for each in ranges.tensors.values()) for ranges in (plain, wide)]
    assert 0 == shares[1] < shares[0]


@pytest.mark.parametrize("method", ["minmax", "percentile", "kl", "mean"])
def test_headroom_leaves_other_methods_as_they_are(method):
    assert measured(method=method, headroom=1.0) == measured(method=method, headroom=2.0)


def test_headroom_leaves_ranges_that_were_given_as_they_are():
    name = next(name for name in measured().tensors if name != INPUT.tensor)
    given = (Override("tensor", name, range=(-1.0, 3.0)),)
    found = measured(overrides=given)[name]
    assert (found.lo, found.hi) == (-1.0, 3.0)
    other = (Override("tensor", name, method="minmax"),)
    assert measured(method="minmax")[name] == measured(overrides=other)[name]


def test_headroom_follows_the_method_of_a_single_tensor():
    name = next(name for name in measured().tensors if name != INPUT.tensor)
    only = (Override("tensor", name, method="mse"),)
    assert measured()[name] == measured(method="minmax", overrides=only)[name]


def test_headroom_stays_within_what_an_activation_gives():
    relu6, free = Clamp(0.0, 6.0), Clamp()
    assert Range(0.0, 6.0) == _widen(Range(0.0, 5.8), 1.1, relu6)
    assert Range(0.0, 5.5) == _widen(Range(0.0, 5.0), 1.1, relu6)
    assert Range(-2.0, 4.0) == _widen(Range(-1.0, 2.0), 2.0, free)
    # A symmetric range below ReLU must stay symmetric.
    assert Range(-3.0, 6.0) == _widen(Range(-3.0, 3.0), 2.0, Clamp(0.0, np.inf))
