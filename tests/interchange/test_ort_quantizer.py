"""Models that onnxruntime's quantizer writes: every parameter and code of the file is in the program."""

import logging
import warnings

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mcuq.calibrate.runtime import submodule
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.pipeline.calibration import CalibrationData
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import compile_with, small_model
from tests.project.source import ROOT
from tests.small_models import run

DIGITS = ROOT / "firmware_examples" / "digits"


class Reader:
    """Calibration samples as onnxruntime wants them."""

    def __init__(self, name, data):
        self.rows = iter([{name: row} for row in data])

    def get_next(self):
        return next(self.rows, None)


def quantized(model, folder, name, data, form, activation, weight="QInt8", per_channel=True):
    """The path of a model quantized by onnxruntime."""
    q = submodule("quantization")
    path = folder / f"{form}_{activation}_{weight}_{per_channel}.onnx"
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            q.quantize_static(
                model,
                path,
                type("_", (Reader, q.CalibrationDataReader), {})(name, data),
                quant_format=getattr(q.QuantFormat, form),
                activation_type=getattr(q.QuantType, activation),
                weight_type=getattr(q.QuantType, weight),
                per_channel=per_channel,
            )
    finally:
        logging.disable(logging.NOTSET)
    return path


def data(count=16):
    return np.random.default_rng(3).normal(size=(count, 1, 2, 6, 6)).astype(np.float32)


def stored(path):
    """Initializers and nodes of a file."""
    model = onnx.load(path)
    arrays = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    return arrays, list(model.graph.node), model


def signed(array):
    """Codes or zero points moved to int8."""
    return array.astype(np.int64) - (128 if array.dtype == np.uint8 else 0)


def layers(program):
    return [step.op for step in program.steps if isinstance(step.op, ConvStep | DepthwiseStep | LinearStep)]


def weighted_nodes(nodes):
    """Codes of weights and bias by name, of each layer in order."""
    produced = {node.output[0]: node.input[0] for node in nodes if node.op_type == "DequantizeLinear"}
    found = []
    for node in nodes:
        if node.op_type in ("Conv", "Gemm"):
            found.append([produced[name] for name in node.input[1:3]])
        elif node.op_type == "QLinearConv":
            found.append([node.input[3], *node.input[8:9]])
        elif node.op_type == "QGemm":
            found.append([node.input[3], node.input[6]])
    return found


def activation_params(nodes, arrays):
    """Scale and zero point of every quantized activation of a file, as (float, int) pairs."""
    pairs = set()
    for node in nodes:
        if node.op_type == "QuantizeLinear":
            names = node.input[1:3]
        elif node.op_type == "QLinearConv":
            names = node.input[6:8]
        elif node.op_type == "QGemm":
            names = node.input[7:9]
        else:
            continue
        pairs.add((float(arrays[names[0]]), int(signed(arrays[names[1]]))))
    return pairs


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("activation", ["QUInt8", "QInt8"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_parameters_and_codes_are_those_of_the_file(tmp_path, form, activation, per_channel):
    path = quantized(
        small_model(tmp_path), tmp_path, "image", data(), form, activation, per_channel=per_channel
    )
    arrays, nodes, _ = stored(path)
    program = compile_with(path).program
    assert program.origin.ranges.value == "embedded"
    found = {(each.quant.step, each.quant.zero_point) for each in program.tensors}
    assert found == activation_params(nodes, arrays)
    for op, (weights, bias) in zip(layers(program), weighted_nodes(nodes), strict=True):
        codes = arrays[weights]
        expected = codes.transpose(0, 2, 3, 1) if codes.ndim == 4 else codes
        if isinstance(op, LinearStep):
            # The columns follow the layout of the device: [C, H, W] of the file is [H, W, C] there.
            expected = codes.reshape(5, 4, 2, 2).transpose(0, 2, 3, 1).reshape(5, 16)
        np.testing.assert_array_equal(expected, op.params.weights)
        np.testing.assert_array_equal(arrays[bias], op.params.bias)


def test_uint8_weights_are_moved_or_refused_never_changed(tmp_path):
    path = quantized(small_model(tmp_path), tmp_path, "image", data(), "QDQ", "QUInt8", "QUInt8")
    arrays, nodes, _ = stored(path)
    notes = compile_with(path).imported
    program = compile_with(path).program
    (weights, _), _ = weighted_nodes(nodes)
    zero = arrays[weights.replace("_quantized", "_zero_point")].astype(int)
    codes = arrays[weights].astype(int) - zero.reshape(-1, 1, 1, 1)
    np.testing.assert_array_equal(codes.transpose(0, 2, 3, 1), layers(program)[0].params.weights)
    assert any(note.what == "weights" and note.outcome.value in ("used", "changed") for note in notes)


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_digits_quantized_by_onnxruntime_keep_their_accuracy(tmp_path, form):
    prepared = tmp_path / "prepared.onnx"
    submodule("quantization.shape_inference").quant_pre_process(
        DIGITS / "model.onnx", prepared, skip_symbolic_shape=True
    )
    images = np.load(DIGITS / "calibration.npy").reshape(-1, 1, 1, 8, 8).astype(np.float32)
    path = quantized(prepared, tmp_path, "image", images[:100], form, "QUInt8")
    compiled = compile_with(path)
    assert not [note for note in compiled.imported if note.outcome.value in ("changed", "own")]
    program = compiled.program
    test = np.load(DIGITS / "test_images.npy").reshape(-1, 1, 1, 8, 8).astype(np.float32)
    labels = np.load(DIGITS / "test_labels.npy")
    outputs = dequantize_outputs(
        program, simulate_program(program, quantize_inputs(program, {"image": test}))
    )
    found = outputs["probabilities"].reshape(len(test), -1)
    assert (found.argmax(axis=1) == labels).mean() > 0.97
    session = [run(path.read_bytes(), {"image": x})["probabilities"].reshape(-1) for x in test[:40]]
    # Roundings differ: docs/interchange.md. The scale of the output is about 1/256.
    assert (np.abs(np.stack(session) - found[:40]) < 1.5 / 255).mean() > 0.95


def test_what_a_model_leaves_open_is_calibrated_when_asked(tmp_path):
    images = np.load(DIGITS / "calibration.npy").reshape(-1, 1, 1, 8, 8).astype(np.float32)
    path = quantized(DIGITS / "model.onnx", tmp_path, "image", images[:20], "QOperator", "QUInt8")
    compiled = compile_with(path, data=CalibrationData(DIGITS / "calibration.npy"))
    own = {note.tensor for note in compiled.imported if "calibrated" in note.detail}
    assert own == {"down/relu"}
    assert compiled.program.origin.ranges.value == "embedded"
