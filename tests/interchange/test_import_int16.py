"""Quantized models with activations of int16: used as they are, beside operators that have int8 alone."""

import logging
import warnings

import numpy as np
import pytest

from mcuq.calibrate.runtime import submodule
from mcuq.errors import McuqError
from mcuq.ir.types import DType
from mcuq.pipeline.build import build
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import compile_with, small_model
from tests.interchange.qnet import QNet
from tests.interchange.test_export import attention_net, exported, vector_net, vision_net
from tests.interchange.test_export_widths import narrow_net, wide_program
from tests.interchange.test_ort_quantizer import Reader
from tests.small_models import Net, run, save
from tests.tools import require


def read_vision_net():
    """The vision net without a function that is looked up, which is not read."""
    net = vision_net()
    for node in net.nodes:
        if node.op_type == "HardSwish":
            node.op_type = "Tanh"
    return net


def read_vector_net():
    """Likewise."""
    net = vector_net()
    for node in net.nodes:
        if node.op_type == "LeakyRelu":
            node.op_type = "Sigmoid"
            del node.attribute[:]
    return net


def outputs_of(program, feeds):
    return dequantize_outputs(program, simulate_program(program, quantize_inputs(program, feeds)))


@pytest.mark.parametrize("widths", [{"activation_bits": 16}, {"activation_bits": 16, "weight_bits": 4}])
@pytest.mark.parametrize(
    "make,names",
    [
        (read_vision_net, ["y", "p"]),
        (read_vector_net, ["turned", "mean", "leaky"]),
        (attention_net, ["y", "z", "own"]),
        (narrow_net, ["y"]),
    ],
)
def test_qdq_of_int16_read_again_computes_the_same_codes(tmp_path, make, names, widths):
    program, feeds = wide_program(make, _outputs(make, names), tmp_path, **widths)
    path = tmp_path / "again.onnx"
    path.write_bytes(exported(program, is_plain=True))
    again = compile_with(path)
    found = outputs_of(again.program, feeds)
    for name, expected in outputs_of(program, feeds).items():
        np.testing.assert_array_equal(expected, found[name])
    types = [{tensor.name: tensor.quant for tensor in each.tensors} for each in (program, again.program)]
    assert DType.INT16 in {quant.dtype for quant in types[1].values()}
    for name in types[0].keys() & types[1].keys():
        assert types[0][name] == types[1][name], name
    assert all(note.outcome.value != "changed" for note in again.imported)


def _outputs(make, names):
    if make is not read_vector_net:
        return names
    return ["turned", "mean", next(node.output[0] for node in read_vector_net().nodes[::-1])]


def quantized_by_onnxruntime(model, folder, data, **options):
    q = submodule("quantization")
    path = folder / "int16.onnx"
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            q.quantize_static(
                model,
                path,
                type("_", (Reader, q.CalibrationDataReader), {})("image", data),
                activation_type=q.QuantType.QInt16,
                weight_type=q.QuantType.QInt8,
                per_channel=True,
                extra_options={"ActivationSymmetric": True, **options},
            )
    finally:
        logging.disable(logging.NOTSET)
    return path


def mixed_net():
    """Layers and sums that take int16, and a function and a softmax that do not."""
    net = Net(image=[1, 2, 6, 6])
    a = net.add("Relu", net.conv("image", 2, 4, (3, 3), pads=[1, 1, 1, 1]))
    b = net.conv(a, 4, 4, (3, 3), group=4, pads=[1, 1, 1, 1])
    y = net.add("Sigmoid", net.add("Add", b, net.conv(a, 4, 4, (1, 1))))
    y = net.add("AveragePool", y, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    y = net.add("Flatten", net.add("MaxPool", y, kernel_shape=[2, 2], strides=[1, 1]))
    net.add("Softmax", net.add("Gemm", y, net.random(16, 5), net.random(5)), outputs=["p"])
    return net


def images(count=16):
    return np.random.default_rng(3).normal(size=(count, 1, 2, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("net,least_db", [("small", 60.0), ("mixed", 30.0)])
def test_models_that_onnxruntime_quantizes_to_int16_are_built(tmp_path, net, least_db):
    is_small = net == "small"
    model = small_model(tmp_path) if is_small else save(mixed_net().model("p"), tmp_path)
    path = quantized_by_onnxruntime(model, tmp_path, images())
    compiled = compile_with(path)
    feeds = {"image": images()}
    found = outputs_of(compiled.program, feeds)
    expected = [run(path.read_bytes(), {"image": each}) for each in feeds["image"]]
    for name, array in found.items():
        wanted = np.stack([each[name] for each in expected]).reshape(array.shape)
        noise = np.square(array - wanted).sum() / np.square(wanted).sum()
        assert noise < 10 ** (-least_db / 10), name
    assert {tensor.quant.dtype for tensor in compiled.program.tensors} >= {DType.INT16}
    changed = [note for note in compiled.imported if note.outcome.value == "changed"]
    # Functions are looked up by codes of int8.
    assert any("takes no int16" in note.detail for note in changed) == (not is_small)


def one_layer(zero=0, dtype="int16", weights="int8"):
    net = QNet(opset=21, x=[1, 6])
    w = net.dq(net.const(np.arange(12).reshape(2, 6).astype(weights)), 0.02, 0, weights)
    y = net.add("Gemm", net.pair("x", 0.001, zero, dtype), w, net.random(2), transB=1)
    net.pair(y, 0.002, zero, dtype)
    net.nodes[-1].output[0] = "y"
    model = net.model("y")
    model.ir_version = 10
    return model


@pytest.mark.parametrize("dtype,zero", [("int16", 0), ("uint16", 32768)])
def test_16_bits_around_zero_are_used(tmp_path, dtype, zero):
    compiled = compile_with(save(one_layer(zero, dtype), tmp_path))
    for tensor, scale in zip(compiled.program.tensors, (0.001, 0.002), strict=True):
        assert (float(np.float32(scale)), 0, DType.INT16) == (
            tensor.quant.step,
            tensor.quant.zero_point,
            tensor.quant.dtype,
        )
    assert {note.outcome.value for note in compiled.imported} <= {"used", "own"}


@pytest.mark.parametrize(
    "model,words",
    [
        (one_layer(7), "zero point 7"),
        (one_layer(0, "uint16"), "zero point 0"),
        (one_layer(weights="int16"), "int16"),
    ],
)
def test_16_bits_of_other_forms_are_refused(tmp_path, model, words):
    with pytest.raises(McuqError) as caught:
        compile_with(save(model, tmp_path))
    assert {problem.code for problem in caught.value.problems} == {"M004"}
    assert words in caught.value.problems[0].why


def test_values_of_int8_stay_what_they_are_beside_int16(tmp_path):
    net = QNet(opset=21, x=[1, 6])
    x = net.pair("x", 0.05, -100)
    y = net.add("Gemm", x, net.weights((6, 6), 0.01), net.random(6), transB=1)
    net.pair(net.add("Add", net.pair(y, 0.001, 0, "int16"), x), 0.001, 0, "int16")
    net.nodes[-1].output[0] = "y"
    model = net.model("y")
    model.ir_version = 10
    compiled = compile_with(save(model, tmp_path))
    # A step of int8 is 128 of int16, exactly.
    made = [tensor for tensor in compiled.program.tensors if tensor.name.endswith("/int16")]
    assert [tensor.quant.step for tensor in made] == [float(np.float32(0.05)) / 128] * len(made)
    assert made
    feeds = {"x": np.random.default_rng(1).uniform(-1.0, 5.0, (64, 1, 6)).astype(np.float32)}
    (found,) = outputs_of(compiled.program, feeds).values()
    expected = np.stack([run(model.SerializeToString(), {"x": each})["y"] for each in feeds["x"]])
    assert np.abs(found - expected).max() < 0.0025


@pytest.mark.slow
def test_firmware_of_int16_activations_of_a_file_is_bit_exact(tmp_path):
    require("cc")
    path = quantized_by_onnxruntime(save(mixed_net().model("p"), tmp_path), tmp_path, images())
    result = build(path, "cortex-m4", output=tmp_path / "firmware", name="net", verify="host")
    assert result.report.is_identical
