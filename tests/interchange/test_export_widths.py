"""QDQ models of four-bit weights and of int16: opset 21, and still the codes of the simulator."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from mcuq.interchange.carried import encodings_text
from mcuq.interchange.ncnn import ncnn_table
from mcuq.interchange.program import layer_scales
from mcuq.ir.types import DType
from mcuq.ops.accumulator import Accumulator
from mcuq.ops.requantize import RequantizeStep
from mcuq.pipeline.build import build
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import NEAREST, compile_with, samples, samples_of, small_model, write
from tests.interchange.qnet import QNet
from tests.interchange.test_export import (
    attention_net,
    codes_off,
    compiled,
    exported,
    vector_net,
    vision_net,
)
from tests.interchange.test_other_tools import WRITERS, named
from tests.small_models import Net, run, save
from tests.tools import require

WIDTHS = [{"weight_bits": 4}, {"activation_bits": 16}, {"activation_bits": 16, "weight_bits": 4}]
NETS = [
    (vision_net, ["y", "p"]),
    (vector_net, ["turned", "mean", "leaky"]),
    (attention_net, ["y", "z", "own"]),
]


def narrow_net():
    """Layers of every kind with four-bit weights, of odd sizes."""
    net = Net(image=[1, 3, 5, 5])
    y = net.add("Relu", net.conv("image", 3, 5, (3, 3), pads=[1, 1, 1, 1]))
    y = net.add("Relu", net.conv(y, 5, 7, (1, 1)))
    y = net.add("ConvTranspose", y, net.random(7, 3, 2, 2), net.random(3), strides=[2, 2])
    y = net.add("Flatten", net.add("GlobalAveragePool", y))
    y = net.add("Gemm", y, net.random(3, 9), net.random(9))
    y = net.add("Reshape", y, net.const(np.array([1, 3, 3])))
    y = net.add("Add", net.add("MatMul", y, net.random(3, 5)), net.random(5))
    net.add("MatMul", y, net.random(5, 2), outputs=["y"])
    return net


def wide_program(build, outputs, folder, rounding="double", **widths):
    net = build()
    model = save(net.model(*outputs), folder)
    (value,) = net.inputs
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    data = np.random.default_rng(5).normal(size=(24, *shape)).astype(np.float32)
    options = dataclasses.replace(NEAREST, rounding=rounding, **widths)
    return compile_with(model, data=samples_of(value.name, data), options=options).program, {value.name: data}


@pytest.mark.parametrize("widths", WIDTHS, ids=["4x8", "8x16", "4x16"])
@pytest.mark.parametrize("rounding", ["double", "single"])
@pytest.mark.parametrize("build,outputs", [*NETS, (narrow_net, ["y"])])
def test_qdq_in_onnxruntime_agrees_with_the_simulator(tmp_path, build, outputs, rounding, widths):
    program, feeds = wide_program(build, outputs, tmp_path, rounding, **widths)
    model = exported(program)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    for name, off in codes_off(program, model, feeds).items():
        # A softmax is the float one; everything else is computed in the integers of the program.
        assert off.max() < (0.5 if build is not attention_net and name != "p" else 1.5), name


def test_qdq_of_sums_of_int64_agrees_with_the_simulator(tmp_path):
    # The input is int8 unless a setting says otherwise: what a layer in front gives is int16.
    def long_net():
        net = Net(x=[1, 8])
        y = net.add("Gemm", "x", net.random(8, 3000), net.random(3000))
        net.add("Gemm", y, net.random(3000, 3), net.random(3), outputs=["y"])
        return net

    program, feeds = wide_program(long_net, ["y"], tmp_path, activation_bits=16)
    params = program.steps[-1].op.params
    assert (params.x_type, params.accumulator) == (DType.INT16, Accumulator.INT64)
    for name, off in codes_off(program, exported(program), feeds).items():
        assert off.max() < 0.5, name


def test_four_bit_weights_are_int4_initializers(tmp_path):
    program, _ = wide_program(narrow_net, ["y"], tmp_path, weight_bits=4)
    model = onnx.load_from_string(exported(program, is_plain=True))
    assert (model.opset_import[0].version, model.ir_version) == (21, 10)
    stored = {each.name: each for each in model.graph.initializer}
    narrow = 0
    for step, layer in ((program.steps[index], each) for index, each in layer_scales(program).items()):
        found = stored[f"{step.name}.weight_quantized"]
        is_narrow = step.op.params.weight_type is DType.INT4
        narrow += is_narrow
        assert (4 if is_narrow else 8) == layer.bits
        assert (onnx.TensorProto.INT4 if is_narrow else onnx.TensorProto.INT8) == found.data_type
        codes = onnx.numpy_helper.to_array(found).astype(np.int64)
        assert sorted(step.op.params.weights.reshape(-1)) == sorted(codes.reshape(-1))
        if is_narrow:
            assert len(found.raw_data) == (codes.size + 1) // 2
    assert narrow >= 4


def test_qdq_of_int16_has_requantizations_and_int16_zero_points(tmp_path):
    program, _ = wide_program(vision_net, ["y", "p"], tmp_path, activation_bits=16)
    assert any(isinstance(step.op, RequantizeStep) for step in program.steps)
    model = onnx.load_from_string(exported(program, is_plain=True))
    stored = {each.name: each.data_type for each in model.graph.initializer}
    zeros = [stored[node.input[2]] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert {onnx.TensorProto.INT8, onnx.TensorProto.INT16} == {*zeros}


@pytest.mark.parametrize("build,outputs", NETS)
def test_qdq_of_8_bits_keeps_its_opset(tmp_path, build, outputs):
    program, _ = compiled(build(), outputs, tmp_path)
    model = onnx.load_from_string(exported(program))
    assert (model.opset_import[0].version, model.ir_version) == (17, 8)


def test_onnx_reference_agrees_where_it_runs_everything(tmp_path):
    program = compile_with(
        small_model(tmp_path), data=samples(), options=dataclasses.replace(NEAREST, activation_bits=16)
    ).program
    model = exported(program)
    x = np.random.default_rng(2).normal(size=(1, 2, 6, 6)).astype(np.float32)
    (found,) = ReferenceEvaluator(onnx.load_from_string(model)).run(None, {"image": x})
    off = codes_off(program, model, {"image": x[None]})
    assert off["logits"].max() < 0.5
    np.testing.assert_array_equal(run(model, {"image": x})["logits"], found)


def test_four_bit_weights_read_again_are_four_bits_and_give_the_same_codes(tmp_path):
    program, feeds = wide_program(narrow_net, ["y"], tmp_path, weight_bits=4)
    path = tmp_path / "again.onnx"
    path.write_bytes(exported(program, is_plain=True))
    again = compile_with(path).program
    types = [
        [step.op.params.weight_type for step in each.steps if hasattr(step.op, "params")]
        for each in (program, again)
    ]
    assert types[0] == types[1]
    assert DType.INT4 in types[0]
    codes = [simulate_program(each, quantize_inputs(each, feeds)) for each in (program, again)]
    np.testing.assert_array_equal(codes[0][0], codes[1][0])


@pytest.mark.parametrize("zero,expected", [(8, DType.INT4), (3, DType.INT8)])
def test_unsigned_four_bit_weights_stay_where_they_fit(tmp_path, zero, expected):
    net = QNet(opset=21, x=[1, 6])
    codes = np.array([[0, 15, 7, 8, 3, 1], [2, 9, 15, 0, 4, 6]], np.uint8)
    packed = (codes.reshape(-1)[::2] | (codes.reshape(-1)[1::2] << 4)).tobytes()
    kind = onnx.TensorProto.UINT4
    net.initializers += [
        onnx.TensorProto(name="w", data_type=kind, dims=codes.shape, raw_data=packed),
        onnx.TensorProto(name="zero", data_type=kind, dims=(), raw_data=bytes([zero])),
    ]
    w = net.add("DequantizeLinear", "w", net.scale(0.02), "zero")
    y = net.add("Gemm", net.pair("x", 0.05, 3), w, net.random(2), transB=1)
    model = net.model(net.pair(y, 0.1))
    model.ir_version = 10
    params = compile_with(save(model, tmp_path)).program.steps[0].op.params
    assert params.weight_type is expected
    np.testing.assert_array_equal(codes.astype(int) - zero, params.weights)


@pytest.mark.parametrize("form", ["ppq", "ort-overrides", "aimet-0.6.1", "aimet-1.0.0", "aimet-2.0.0"])
def test_four_bit_weights_come_back_from_other_formats(tmp_path, form):
    program, _ = wide_program(narrow_net, ["y"], tmp_path, weight_bits=4)
    path = tmp_path / "net.onnx"
    again = compile_with(path, write(tmp_path, WRITERS[form](named(program, path)))).program
    layers = [[*layer_scales(each).values()] for each in (program, again)]
    assert [each.bits for each in layers[0]] == [each.bits for each in layers[1]]
    for first, second in zip(*layers, strict=True):
        np.testing.assert_allclose(first.scale, second.scale, rtol=3e-7)


def test_own_encodings_keep_four_bits_where_the_program_is_not_taken(tmp_path):
    program, _ = wide_program(narrow_net, ["y"], tmp_path, weight_bits=4)
    document = json.loads(encodings_text(program))
    document["activations"]["y"]["scale"] = (0.5).hex()
    again = compile_with(tmp_path / "net.onnx", write(tmp_path, document)).program
    layers = [[*layer_scales(each).values()] for each in (program, again)]
    assert [(each.bits, each.scale) for each in layers[0]] == [(each.bits, each.scale) for each in layers[1]]


@pytest.mark.parametrize("form", ["ppq", "ort-overrides", "aimet-0.6.1", "aimet-1.0.0", "aimet-2.0.0"])
@pytest.mark.parametrize("build,outputs", [(vision_net, ["y", "p"]), (narrow_net, ["y"])])
def test_int16_comes_back_from_other_formats(tmp_path, build, outputs, form):
    program, _ = wide_program(build, outputs, tmp_path, activation_bits=16)
    path = tmp_path / "net.onnx"
    written = named(program, path)
    again = compile_with(path, write(tmp_path, WRITERS[form](written))).program
    found = {tensor.name: tensor.quant for tensor in again.tensors}
    expected = {tensor.name: tensor.quant for tensor in program.tensors}
    known = expected.keys() & found.keys() & written.activations.keys()
    assert DType.INT16 in {expected[name].dtype for name in known}
    for name in known:
        assert expected[name] == found[name], name


def test_formats_without_int16_leave_it_out_and_say_so(tmp_path):
    program, _ = wide_program(vision_net, ["y", "p"], tmp_path, activation_bits=16)
    whole = named(program, tmp_path / "net.onnx")
    narrow = whole.of_8_bits()
    assert {quant.dtype for quant in narrow.activations.values()} == {DType.INT8}
    left = whole.activations.keys() - narrow.activations.keys()
    assert left
    for name in left:
        assert f"tensor {name!r}: left out, it is int16" in narrow.changes
    assert all({*step.inputs} <= narrow.activations.keys() for step in narrow.steps)
    ncnn_table(narrow)


def test_own_encodings_keep_int16_where_the_program_is_not_taken(tmp_path):
    program, _ = wide_program(narrow_net, ["y"], tmp_path, activation_bits=16)
    document = json.loads(encodings_text(program))
    step = document["activations"]["y"]["scale"]
    document["activations"]["y"]["scale"] = (2 * float.fromhex(step)).hex()
    again = compile_with(tmp_path / "net.onnx", write(tmp_path, document)).program
    types = [{tensor.name: tensor.quant.dtype for tensor in each.tensors} for each in (program, again)]
    assert types[0] == types[1]
    assert DType.INT16 in types[0].values()


@pytest.mark.slow
def test_firmware_of_four_bit_weights_of_a_file_is_bit_exact(tmp_path):
    require("cc")
    program, _ = wide_program(narrow_net, ["y"], tmp_path, weight_bits=4)
    path = tmp_path / "again.onnx"
    path.write_bytes(exported(program, is_plain=True))
    result = build(path, "cortex-m4", output=tmp_path / "firmware", name="net", verify="host")
    assert result.report.is_identical
