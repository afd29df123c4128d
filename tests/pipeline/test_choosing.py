"""`--calibration-method auto`: for each tensor the method that held-out samples gain by."""

import dataclasses

import numpy as np
import pytest

from mcuq.calibrate.clipping import MOST_LOST_DB, lost_db
from mcuq.calibrate.data import Samples
from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import calibrated_tensors
from mcuq.calibrate.run import Listener, StoreCollector
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.choosing import choose_methods
from mcuq.pipeline.equalizing import compile_best
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.measure import Wanted, observe
from mcuq.pipeline.ranging import ranges_by
from mcuq.settings import Override
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"
MODEL = read(DIGITS / "model.onnx")
GRAPH = canonicalize(MODEL.graph)
INPUT = GRAPH.inputs[0]
IMAGES = np.load(DIGITS / "calibration.npy")[:32].reshape(-1, *INPUT.model_shape)
AUTO = QuantOptions(method="auto", samples=32, sampling="first")
# So much that whoever has none is better where nothing goes beyond what was seen.
ROOMY = dataclasses.replace(AUTO, headroom=2.0)


def samples(images=IMAGES):
    return Samples.from_arrays({INPUT.name: images})


def stores_of(images=IMAGES):
    names = calibrated_tensors(GRAPH)
    stores = StoreCollector(names)
    FloatRun(GRAPH, names).listen(samples(images), [Listener(names, stores.take)])
    return stores.stores()


STORES = stores_of()


def chosen(held_out=IMAGES, options=ROOMY):
    return choose_methods(GRAPH, STORES, samples(held_out), options)


def test_what_stays_within_its_extremes_gets_no_headroom():
    found = chosen()
    assert found
    assert "mse" not in found.values()
    ranges, wide = (ranges_by(GRAPH, STORES, ROOMY, name) for name in ("minmax", "mse"))
    for name, method in found.items():
        mine = ranges_by(GRAPH, STORES, ROOMY, method)[name]
        assert mine.hi - mine.lo < wide[name].hi - wide[name].lo
        assert ranges[name].hi - ranges[name].lo >= mine.hi - mine.lo


def test_what_goes_beyond_its_extremes_keeps_its_headroom():
    (last,) = (node.inputs[0] for node in GRAPH.nodes if node.op.is_judged_by_input)
    assert last in chosen()
    assert last not in chosen(1.9 * IMAGES)


def too_hard(method):
    """The tensors that a method clips too hard."""
    ranges = ranges_by(GRAPH, STORES, ROOMY, method)
    return {
        name
        for name, store in STORES.items()
        if lost_db(ranges[name], store, Scheme.ASYMMETRIC) > MOST_LOST_DB
    }


def test_methods_that_clip_any_tensor_too_hard_are_not_tried():
    # Held-out samples near zero would gain by any range that is narrow.
    found = chosen(0.01 * IMAGES)
    assert found
    barred = {method for method in METHODS if too_hard(method)}
    assert barred
    assert not barred & set(found.values())


def test_configured_tensors_are_left_alone():
    found = chosen()
    name = next(iter(found))
    options = dataclasses.replace(ROOMY, overrides=(Override("tensor", name, method="kl"),))
    assert name not in chosen(options=options)
    assert {**found} == {name: found[name], **chosen(options=options)}
    tied = dataclasses.replace(ROOMY, overrides=())
    assert chosen(options=tied) == found


def test_ranges_are_those_of_the_chosen_methods_on_all_samples():
    seen = observe(GRAPH, samples(), ROOMY, Wanted(chooses=True))
    assert seen.methods
    for name in calibrated_tensors(GRAPH):
        method = seen.methods.get(name, "mse")
        assert seen.ranges[name] == ranges_by(GRAPH, STORES, ROOMY, method)[name]


def test_held_out_samples_do_not_choose_the_ranges_they_judge():
    changed = IMAGES.copy()
    changed[3::4] = 1.9 * changed[3::4]
    plain = observe(GRAPH, samples(), ROOMY, Wanted(chooses=True)).methods
    beyond = observe(GRAPH, samples(changed), ROOMY, Wanted(chooses=True)).methods
    (last,) = (node.inputs[0] for node in GRAPH.nodes if node.op.is_judged_by_input)
    assert last in plain
    assert last not in beyond


@pytest.mark.parametrize("count", [1, 3])
def test_few_samples_leave_the_default(count):
    data = CalibrationData(samples(IMAGES[:count]))
    both = [
        calibrate_model(MODEL, data, dataclasses.replace(AUTO, method=method, samples=count))
        for method in ("auto", "mse")
    ]
    assert both[0].ranges == both[1].ranges


def test_program_records_what_was_chosen():
    options = dataclasses.replace(ROOMY, equalize="off")
    calibrated = calibrate_model(MODEL, CalibrationData(samples()), options)
    record = dict(compile_best(calibrated, options).program.origin.options)
    assert record["calibration-method"] == "auto"
    assert record["headroom"] == "2.0"
    assert {f"auto.{name}": method for name, method in calibrated.methods.items()} == {
        key: value for key, value in record.items() if key.startswith("auto.")
    }
    assert calibrated.methods
