"""Whole models as two exporters write them: Brevitas through torch.export, Keras through tf2onnx."""

import dataclasses

import numpy as np
import pytest
from onnx import TensorProto, helper

from mcuq.errors import McuqError
from mcuq.ir.store import program_to_npz
from mcuq.ops.conv import ConvStep
from mcuq.pipeline.build import build
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import compile_with
from tests.interchange.qnet import QNet, initializer, random_scales
from tests.small_models import run, save
from tests.tools import require


def brevitas_net():
    """Float weights quantized and clipped in the graph, parameters shared; output "y"."""
    net = QNet(opset=18, x=[1, 3, 8, 8])
    signed = net.zero(0)
    low, high = net.zero(-127), net.zero(127)

    def weights(values, scale, zero, **axis):
        q = net.add("QuantizeLinear", net.const(values), scale, zero, **axis)
        return net.add("DequantizeLinear", net.add("Clip", q, low, high), scale, zero, **axis)

    def pair(x, scale, zero, **names):
        q = net.add("QuantizeLinear", x, scale, zero)
        return net.add("DequantizeLinear", q, scale, zero, **names)

    x = pair("x", net.scale(0.03), signed)
    filters = net.rng.normal(size=(8, 3, 3, 3)).astype(np.float32) * 0.3
    filters[0, 0, 0, 0] = -9  # beyond the grid: Clip makes -127 of it, where int8 goes to -128
    w = weights(filters, net.scale(random_scales(net.rng, 8)), net.zero(np.zeros(8)), axis=0)
    y = net.add("Relu", net.add("Conv", x, w, net.random(8), pads=[1, 1, 1, 1]))
    y = pair(y, net.scale(0.025), net.zero(0, "uint8"))
    y = net.add("Reshape", y, net.const(np.array([1, 512])), allowzero=1)
    w = weights(net.rng.normal(size=(10, 512)) * 0.05, net.scale(0.002), signed)
    pair(net.add("Gemm", y, w, net.random(10), transB=1), net.scale(0.05), signed, outputs=["y"])
    return net


def brevitas(folder):
    """The model with every initializer among its inputs, whatever its type."""
    model = brevitas_net().model("y")
    for each in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(each.name, each.data_type, list(each.dims)))
    return model, save(model, folder)


def keras(folder, dtype="int8"):
    """Channels last and integers outside, codes transposed before they are dequantized; output "y:0"."""
    kind = getattr(TensorProto, dtype.upper())
    move = 128 if dtype == "uint8" else 0
    net = QNet(opset=13)
    net.inputs = [helper.make_tensor_value_info("serving_default:0", kind, [1, 8, 8, 3])]
    scales = random_scales(net.rng, 8)
    zeros = net.const(np.zeros(8, np.int32), "shared/zeros")

    def bias(scale):  # zero codes and zero points are one constant
        return net.add("DequantizeLinear", zeros, net.scale(scale), zeros, axis=0)

    x = net.add("Transpose", "serving_default:0", perm=[0, 3, 1, 2])
    x = net.dq(x, 0.03, 3 + move, dtype)
    y = net.add("Conv", x, net.weights((8, 3, 3, 3), scales), bias(np.float32(0.03) * scales))
    y = net.pair(net.add("Relu", y), 0.05, -128)
    y = net.add("Conv", y, net.weights((8, 1, 3, 3), scales), bias(np.float32(0.05) * scales), group=8)
    y = net.add("Clip", y, net.const(np.float32(0)), net.const(np.float32(6)))
    y = net.pair(y, 6 / 255, -128)
    y = net.q(net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]), 6 / 255, -128)
    y = net.add("Transpose", y, perm=[0, 2, 3, 1])
    y = net.dq(net.add("Reshape", y, net.const(np.array([-1, 32]))), 6 / 255, -128)
    y = net.add("MatMul", y, net.weights((32, 10), 0.01))
    net.q(y, 0.2, 5 + move, dtype, outputs=["y:0"])
    model = net.model("y:0")
    model.graph.output[0].type.tensor_type.elem_type = kind
    return model, save(model, folder)


def integers(model, program, feeds):
    """Output codes of onnxruntime and of the simulator, as int8."""
    name = program.inputs[0].name
    output = model.graph.output[0].name
    real = feeds
    if feeds.dtype != np.float32:
        grid = program.tensors[program.inputs[0].tensor].quant
        real = (grid.step * (signed(feeds).astype(float) - grid.zero_point)).astype(np.float32)
    (found,) = simulate_program(program, quantize_inputs(program, {name: real}))
    expected = np.stack([run(model.SerializeToString(), {name: each})[output] for each in feeds])
    if expected.dtype == np.float32:
        grid = program.tensors[program.outputs[0].tensor].quant
        expected = np.rint(expected / grid.step) + grid.zero_point
    else:
        expected = signed(expected)
    return expected.reshape(found.shape).astype(int), found.astype(int)


def signed(codes):
    return (codes.astype(np.int16) - (128 if codes.dtype == np.uint8 else 0)).astype(np.int8)


def test_brevitas_initializers_that_are_inputs_too_are_constants(tmp_path):
    model, path = brevitas(tmp_path)
    compiled = compile_with(path)
    program = compiled.program
    assert [port.name for port in program.inputs] == ["x"]
    plain = compile_with(save(brevitas_net().model("y"), tmp_path, "plain.onnx"))
    same = dataclasses.replace(plain.program, origin=program.origin)
    assert program_to_npz(same) == program_to_npz(program)
    x = np.random.default_rng(2).normal(size=(32, 1, 3, 8, 8)).astype(np.float32)
    expected, found = integers(model, program, x)
    assert np.abs(expected - found).max() <= 1
    assert (expected == found).mean() > 0.9
    (conv,) = [step.op for step in program.steps if isinstance(step.op, ConvStep)]
    (scale,) = [each for each in model.graph.node if each.op_type == "QuantizeLinear" and each.attribute]
    real = initializer(model, scale.input[0]) / initializer(model, scale.input[1]).reshape(-1, 1, 1, 1)
    codes = np.clip(np.rint(real), -127, 127)
    np.testing.assert_array_equal(codes.transpose(0, 2, 3, 1), conv.params.weights)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_keras_codes_transposed_before_they_are_dequantized(tmp_path, dtype):
    model, path = keras(tmp_path, dtype)
    program = compile_with(path).program
    kinds = [step.op.kind for step in program.steps]
    assert kinds == ["conv2d", "depthwise_conv2d", "max_pool", "linear"]  # no transpose is left
    assert program.inputs[0].model_shape == (1, 8, 8, 3)
    info = np.iinfo(dtype)
    feeds = np.random.default_rng(2).integers(info.min, info.max + 1, (32, 1, 8, 8, 3)).astype(dtype)
    expected, found = integers(model, program, feeds)
    assert np.abs(expected - found).max() <= 1
    assert (expected == found).mean() > 0.9


def test_integer_input_is_dequantized_behind_several_moves(tmp_path):
    net = QNet()
    net.inputs = [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 4, 6])]
    x = net.add("Reshape", net.add("Transpose", "x", perm=[0, 2, 1]), net.const(np.array([1, 24])))
    y = net.add("Gemm", net.dq(x, 0.05, -7), net.weights((3, 24), 0.01), transB=1)
    model = net.model(net.pair(y, 0.1))
    program = compile_with(save(model, tmp_path)).program
    feeds = np.random.default_rng(2).integers(-128, 128, (16, 1, 4, 6)).astype(np.int8)
    expected, found = integers(model, program, feeds)
    assert np.abs(expected - found).max() <= 1


def test_integer_input_with_two_grids_is_refused(tmp_path):
    net = QNet()
    net.inputs = [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 6])]
    x = net.add("Reshape", "x", net.const(np.array([1, 6])))
    y = net.add("Add", net.dq(x, 0.05), net.dq("x", 0.06))
    with pytest.raises(McuqError) as caught:
        compile_with(save(net.model(net.pair(y, 0.1)), tmp_path))
    assert {problem.code for problem in caught.value.problems} == {"Q006"}


def test_integer_input_that_nothing_dequantizes_is_refused(tmp_path):
    net = QNet(x=[1, 6])
    net.inputs.append(helper.make_tensor_value_info("codes", TensorProto.INT8, [1, 6]))
    net.add("Transpose", "codes", perm=[1, 0])
    with pytest.raises(McuqError) as caught:
        compile_with(save(net.model(net.pair("x", 0.1)), tmp_path))
    (problem,) = caught.value.problems
    assert (problem.code, "Transpose" in problem.where) == ("M004", True)


@pytest.mark.slow
@pytest.mark.parametrize("make", [brevitas, keras])
def test_firmware_of_exporters_models_is_bit_exact(tmp_path, make):
    require("cc")
    _, path = make(tmp_path)
    result = build(path, "cortex-m4", output=tmp_path / "firmware", name="net", verify="host")
    assert result.report.is_identical
