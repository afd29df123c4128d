"""Weights of four bits: which layers have them, what is stored of them, and what is refused."""

import collections

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.ir.store import program_from_npz, program_to_npz
from mcuq.ir.types import DType
from mcuq.ops.registry import STEP_OPS
from mcuq.ops.weighted_step import WeightedStep
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.build import build
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.equalizing import compile_best
from mcuq.quantize.weight_widths import check_weights_are_free, weight_bits
from mcuq.quantize.weights import quantize_weights
from mcuq.settings import Override
from tests.project.source import ROOT

DIGITS = ROOT / "firmware_examples" / "digits"
MODEL = DIGITS / "model.onnx"
MIDDLE = {"pointwise/conv", "down/conv"}


def program(*overrides, bits=4, **options):
    chosen = QuantOptions(samples=16, weight_bits=bits, overrides=overrides, **options)
    calibrated = calibrate_model(read(MODEL), CalibrationData(DIGITS / "calibration.npy"), chosen)
    return compile_best(calibrated, chosen).program


def narrow(found):
    """The steps whose weights have four bits."""
    steps = [step for step in found.steps if isinstance(step.op, WeightedStep)]
    return {step.name for step in steps if step.op.params.weight_type is DType.INT4}


@pytest.mark.parametrize("rounding", ["gptq", "nearest"])
def test_first_last_and_depthwise_layers_keep_eight_bits(rounding):
    found = program(weight_rounding=rounding)
    assert narrow(found) == MIDDLE
    for step in found.steps:
        if step.name in MIDDLE:
            assert np.abs(step.op.params.weights).max() == 7
            assert step.op.weight_bytes() == -(-step.op.params.weights.size // 2)
    assert dict(found.origin.options)["weight-bits"] == "4"


def test_eight_bits_are_what_was_before_there_were_four():
    found = program(bits=8)
    assert set() == narrow(found)
    assert "weight-bits" not in dict(found.origin.options)


def test_overrides_settle_any_layer():
    found = program(Override("node", "pointwise/*", weight_bits=8), Override("op", "linear", weight_bits=4))
    assert {"down/conv", "classifier/gemm"} == narrow(found)
    options = dict(found.origin.options)
    assert options["override-weights.classifier/gemm"] == "4 bits"
    assert options["override-weights.pointwise/bn"] == "8 bits"
    everywhere = program(Override("tensor", "*", weight_bits=4), bits=8)
    assert len(narrow(everywhere)) == 5


def test_widths_leave_equalization_as_it_is():
    """They are no ranges, and tensors of equalized networks are found by what the model calls them."""
    narrowed = Override("tensor", "depthwise/relu", weight_bits=4)
    found = program(narrowed, bits=8, equalize="on")
    assert any("[equalized]" in tensor.name for tensor in found.tensors)
    assert {"depthwise/conv"} == narrow(found)


def test_patterns_that_match_no_layer_are_refused_with_the_nearest():
    graph = canonicalize(read(MODEL).graph)
    for override in (Override("op", "softmax", weight_bits=4), Override("node", "stem_conv", weight_bits=4)):
        with pytest.raises(McuqError, match="O001") as caught:
            weight_bits(graph, QuantOptions(overrides=(override,)))
        assert "of a layer with weights" in str(caught.value)


@pytest.mark.parametrize(
    "options", [QuantOptions(weight_bits=4), QuantOptions(overrides=(Override("op", "*", weight_bits=8),))]
)
def test_weights_with_parameters_of_their_own_are_not_narrowed(options):
    with pytest.raises(McuqError, match="O013"):
        check_weights_are_free(options)


def test_stored_programs_hold_the_width():
    found = program(weight_rounding="nearest")
    again = program_from_npz(program_to_npz(found), "digits", STEP_OPS)
    assert narrow(again) == MIDDLE
    assert program_to_npz(found) == program_to_npz(again)


def test_ranges_of_a_file_and_no_data_are_narrowed_too():
    chosen = QuantOptions(samples=4, weight_bits=4)
    assert narrow(compile_model(calibrate_model(read(MODEL), None, chosen), chosen).program) == MIDDLE


def test_four_bits_reach_seven_both_ways():
    weights = np.array([[0.7, -0.7, 0.05, -0.049]], np.float32)
    found = quantize_weights(weights, np.zeros(1, np.float32), 1.0, bits=4)
    assert found.weights.tolist() == [[7, -7, 1, 0]]
    assert (DType.INT4, np.int8) == (found.weight_params.dtype, found.weights.dtype)


def test_firmware_of_four_bits_is_exact_and_smaller(tmp_path):
    """Also where every layer has them, depthwise too."""
    sizes = collections.Counter()
    for bits in (8, 4):
        options = QuantOptions(
            samples=16,
            weight_rounding="nearest",
            overrides=(Override("tensor", "*", weight_bits=bits),),
        )
        found = build(
            MODEL,
            "host",
            calibration=CalibrationData(DIGITS / "calibration.npy"),
            output=tmp_path / str(bits),
            options=options,
        )
        assert found.report is not None and found.report.first_difference is None
        for call in found.plan.calls:
            for each in call.arrays:
                sizes[bits, call.kernel.partition("_s8")[0]] += (each.field == "weights") * each.values.nbytes
    # Depthwise convolutions keep a byte each; ten outputs are filled up to twelve.
    assert sizes[4, "mcuq_depthwise_conv2d"] == sizes[8, "mcuq_depthwise_conv2d"] == 144
    assert 2 * sizes[4, "mcuq_conv2d"] == sizes[8, "mcuq_conv2d"]
    assert 2 * sizes[4, "mcuq_linear"] == sizes[8, "mcuq_linear"] / 10 * 12
