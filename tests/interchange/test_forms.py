"""Quantized graphs as exporters write them: Brevitas, TensorRT, PyTorch, TensorFlow, QOperator by hand."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mcuq.errors import McuqError
from mcuq.ops.conv import ConvStep
from mcuq.ops.linear import LinearStep
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.interchange.models import compile_with, outcomes, quant, samples_of
from tests.interchange.qnet import QNet, initializer, random_scales
from tests.small_models import run, save


def build(net, output, folder, data=None):
    model = net.model(output)
    return compile_with(save(model, folder), data=data), model


def codes_off(compiled, model, shape, output, count=16):
    """By how many codes onnxruntime differs from the simulator."""
    program = compiled.program
    name = program.inputs[0].name
    x = np.random.default_rng(9).normal(size=(count, *shape)).astype(np.float32)
    found = dequantize_outputs(program, simulate_program(program, quantize_inputs(program, {name: x})))[
        output
    ]
    expected = np.stack([run(model.SerializeToString(), {name: each})[output] for each in x])
    return (
        np.abs(expected.reshape(found.shape) - found) / program.tensors[program.outputs[0].tensor].quant.step
    )


def kinds(compiled):
    return [step.op.kind for step in compiled.program.steps]


def layer(compiled, kind=ConvStep, index=0):
    return [step.op for step in compiled.program.steps if isinstance(step.op, kind)][index].params


def test_brevitas_clip_between_quantize_and_dequantize_becomes_the_limits(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    x = net.pair("x", 0.05)
    scales = random_scales(net.rng, 4)
    y = net.add("Conv", x, net.weights((4, 3, 3, 3), scales), net.bias(np.float32(0.05) * scales, 4))
    y = net.q(net.add("Relu", y), 0.2, 0, "uint8")
    y = net.add("Clip", y, net.zero(0, "uint8"), net.zero(15, "uint8"))  # four bits in eight
    y = net.dq(y, 0.2, 0, "uint8")
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["conv2d"]
    params = layer(compiled)
    assert (params.lo, params.hi) == (-128, -113)
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 1.5).all()


def test_brevitas_codes_of_weights_stay_under_a_folded_normalization(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    x = net.pair("x", 0.05)
    scales = random_scales(net.rng, 4)
    w = net.weights((4, 3, 3, 3), scales)
    y = net.batchnorm(net.add("Conv", x, w), 4)
    y = net.pair(net.add("Relu", y), 0.3, -128)
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["conv2d"]
    gamma = initializer(
        model, next(n for n in model.graph.node if n.op_type == "BatchNormalization").input[1]
    )
    stored = initializer(model, next(n for n in model.graph.node if n.output[0] == w).input[0])
    sign = np.sign(gamma).astype(np.int8).reshape(-1, 1, 1, 1)
    np.testing.assert_array_equal(stored.transpose(0, 2, 3, 1) * sign, layer(compiled).weights)
    (note,) = [note for note in compiled.imported if note.what == "weights"]
    assert (note.outcome.value, "normalization" in note.detail) == ("changed", True)
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 1.5).all()


def test_tensorrt_weights_are_quantized_as_onnx_does(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    x = net.pair("x", 0.05)
    scales = random_scales(net.rng, 4)
    real = net.rng.normal(size=(4, 3, 3, 3)).astype(np.float32) * 0.5
    real[0, 0, 0, :2] = scales[0] * np.float32([2.5, 3.5])  # ties go to even
    w = net.const(real)
    w = net.dq(net.q(w, scales, np.zeros(4), axis=0), scales, np.zeros(4), axis=0)
    y = net.add("Conv", x, w, net.random(4))
    y = net.pair(net.add("Relu", y), 0.3)
    y = net.pair(net.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2]), 0.3)
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["conv2d", "max_pool"]
    expected = np.clip(np.rint(real / scales.reshape(-1, 1, 1, 1)), -128, 127)
    np.testing.assert_array_equal(expected.transpose(0, 2, 3, 1), layer(compiled).weights)
    assert outcomes(compiled)[next(key for key in outcomes(compiled) if key[1] == "bias")] == "own"
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 1.5).all()


def test_tensorrt_output_without_parameters_is_open(tmp_path):
    net = QNet(x=[1, 6])
    x = net.pair("x", 0.05)
    w = net.weights((3, 6), random_scales(net.rng, 3))
    net.add("Gemm", x, w, net.random(3), transB=1, outputs=["logits"])
    with pytest.raises(McuqError) as caught:
        build(net, "logits", tmp_path)
    (problem,) = caught.value.problems
    assert problem.code == "Q007"
    assert "'logits' (linear)" in problem.why
    data = samples_of("x", net.rng.normal(size=(8, 1, 6)))
    compiled, _ = build(net, "logits", tmp_path, data)
    assert outcomes(compiled)["logits", "activation"] == "own"
    assert quant(compiled.program)["x"] == (float(np.float32(0.05)), 0)


def test_torch_export_with_constants_as_nodes_and_transposed_weights(tmp_path):
    net = QNet(x=[1, 4, 6])

    def node(value):
        tensor = onnx.numpy_helper.from_array(np.asarray(value))
        return net.add("Constant", value=tensor)

    def pair(x, scale, zero, axis=None, codes=None):
        attributes = {} if axis is None else {"axis": axis}
        s, z = node(np.float32(scale)), node(np.full(np.shape(scale), zero, np.int8))
        q = codes or net.add("QuantizeLinear", x, s, z, **attributes)
        return net.add("DequantizeLinear", q, s, z, **attributes)

    scales = random_scales(net.rng, 5)
    codes = net.rng.integers(-127, 128, (5, 6)).astype(np.int8)
    w = net.add("Transpose", pair("", scales, 0, 0, net.const(codes)), perm=[1, 0])
    y = net.add("MatMul", pair("x", 0.04, 3), w)
    y = net.add("Add", net.const(net.rng.normal(size=5)), y)
    y = pair(net.add("Relu", y), 0.1, -128)
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["linear"]
    np.testing.assert_array_equal(codes, layer(compiled, LinearStep).weights)
    assert (codes_off(compiled, model, (1, 4, 6), y) < 1.5).all()


def test_torch_relu_behind_equal_parameters_is_fused(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    y = net.add("Conv", net.pair("x", 0.05), net.weights((4, 3, 3, 3), 0.01))
    y = net.pair(net.add("Relu", net.pair(y, 0.3, -20)), 0.3, -20)
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["conv2d"]
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 1.5).all()


def test_torch_relu_between_different_parameters_requantizes(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    y = net.add("Conv", net.pair("x", 0.05), net.weights((4, 3, 3, 3), 0.01))
    y = net.pair(net.add("Relu", net.pair(y, 0.3, -20)), 0.05, -128)
    compiled, model = build(net, y, tmp_path)
    # The convolution saturates where the file says, not where the activation does.
    assert kinds(compiled) == ["conv2d", "table"]
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 6.5).all()  # one code of 0.3 is six of 0.05


def test_tensorflow_layout_and_integer_ports(tmp_path):
    net = QNet()
    net.inputs = [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 6, 6, 3])]
    x = net.add("Transpose", net.dq("x", 0.02, 100, "uint8"), perm=[0, 3, 1, 2])
    y = net.add("Conv", x, net.weights((4, 3, 3, 3), 0.01), net.bias(np.float32(0.02) * np.float32(0.01), 4))
    y = net.add("Transpose", net.add("Relu", y), perm=[0, 2, 3, 1])
    y = net.q(y, 0.03, 0, "uint8", outputs=["y"])
    compiled, model = build(net, y, tmp_path)
    program = compiled.program
    assert kinds(compiled) == ["conv2d"]
    assert (program.inputs[0].model_shape, program.outputs[0].model_shape) == ((1, 6, 6, 3), (1, 4, 4, 4))
    assert quant(program)["x"] == (float(np.float32(0.02)), -28)
    codes = np.random.default_rng(1).integers(0, 256, (8, 1, 6, 6, 3)).astype(np.uint8)
    (found,) = simulate_program(program, [(codes.astype(np.int16) - 128).astype(np.int8)])
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
    expected = np.stack([run(model.SerializeToString(), {"x": each})["y"] for each in codes])
    assert np.abs(expected.astype(int) - 128 - found).max() <= 1


def qlinear(net, op, *inputs, domain="com.microsoft", **attributes):
    return net.add(op, *inputs, domain=domain, **attributes)


def parameters(net, scale, zero=0, dtype="int8"):
    return net.scale(scale), net.zero(zero, dtype)


def test_qoperator_graph_of_all_operators(tmp_path):
    net = QNet(x=[1, 4, 8, 8])
    p = parameters(net, 0.05, 3)
    x = net.add("QuantizeLinear", "x", *p)
    scales = random_scales(net.rng, 4)
    codes = net.const(net.rng.integers(-127, 128, (4, 4, 3, 3)).astype(np.int8))
    w = (net.scale(scales), net.zero(np.zeros(4)))
    bias = net.const(net.rng.integers(-3000, 3000, 4).astype(np.int32))
    q = parameters(net, 0.2, -10)
    a = qlinear(net, "QLinearConv", x, *p, codes, *w, *q, bias, domain="", pads=[1, 1, 1, 1])
    r = parameters(net, 0.25, -8)
    b = qlinear(net, "QLinearAdd", a, *q, x, *p, *r)
    s = parameters(net, 1 / 128, 5)
    g = qlinear(net, "QLinearSigmoid", b, *r, *s)
    t = parameters(net, 0.2, -9)
    m = qlinear(net, "QLinearMul", b, *r, g, *s, *t)
    u = parameters(net, 0.2, -12)
    m = qlinear(net, "QLinearLeakyRelu", m, *t, *u, alpha=0.1)
    c = qlinear(net, "QLinearConcat", *r, m, *u, a, *q, axis=1)
    c = net.add("MaxPool", c, kernel_shape=[2, 2], strides=[2, 2])  # on integers
    v = parameters(net, 0.2, -11)
    c = qlinear(net, "QLinearAveragePool", c, *r, *v, kernel_shape=[2, 2], strides=[2, 2])
    z = parameters(net, 0.15, -4)
    c = qlinear(net, "QLinearGlobalAveragePool", c, *v, *z)
    c = net.add("Reshape", c, net.const(np.array([1, 8])))  # on integers
    matrix = net.const(net.rng.integers(-127, 128, (8, 6)).astype(np.int8))
    o = parameters(net, 0.3, 6)
    c = qlinear(net, "QLinearMatMul", c, *z, matrix, *parameters(net, 0.01), *o, domain="")
    weights = net.const(net.rng.integers(-127, 128, (5, 6)).astype(np.int8))
    k = parameters(net, 0.2, 2)
    c = qlinear(net, "QGemm", c, *o, weights, *parameters(net, 0.02), "", *k, transB=1)
    e = parameters(net, 1 / 256, -128)
    c = qlinear(net, "QLinearSoftmax", c, *k, *e, axis=-1, opset=17)
    net.add("DequantizeLinear", c, *e, outputs=["y"])
    model = net.model("y")
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    compiled = compile_with(save(model, tmp_path))
    expected = "conv2d add table mul table table concat max_pool mean mean linear linear softmax"
    assert sorted(set(kinds(compiled))) == sorted(set(expected.split()))
    np.testing.assert_array_equal(initializer(model, codes).transpose(0, 2, 3, 1), layer(compiled).weights)
    np.testing.assert_array_equal(initializer(model, bias), layer(compiled).bias)
    np.testing.assert_array_equal(initializer(model, matrix).T, layer(compiled, LinearStep).weights)
    assert not [note for note in compiled.imported if note.outcome.value in ("changed", "ignored")]
    used = {(note.tensor, note.detail) for note in compiled.imported if note.what == "activation"}
    assert len(used) >= 13
    assert (codes_off(compiled, model, (1, 4, 8, 8), "y") < 3.5).mean() > 0.95


def test_qoperator_scale_by_a_constant_leaves_the_layer_before_alone(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    p = parameters(net, 0.05, 3)
    codes = net.const(net.rng.integers(-127, 128, (4, 3, 1, 1)).astype(np.int8))
    q = parameters(net, 0.1, -10)
    x = net.add("QuantizeLinear", "x", *p)
    a = qlinear(net, "QLinearConv", x, *p, codes, *parameters(net, 0.01), *q, domain="")
    c = (net.const(np.array([40, 80, 120, -60], np.int8).reshape(4, 1, 1)), *parameters(net, 0.02))
    r = parameters(net, 0.15, 4)
    net.add("DequantizeLinear", qlinear(net, "QLinearMul", a, *q, *c, *r), *r, outputs=["y"])
    model = net.model("y")
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    compiled = compile_with(save(model, tmp_path))
    assert kinds(compiled) == ["conv2d", "depthwise_conv2d"]
    np.testing.assert_array_equal(initializer(model, codes).transpose(0, 2, 3, 1), layer(compiled).weights)
    assert (codes_off(compiled, model, (1, 3, 6, 6), "y") < 1.5).all()


def test_qoperator_zero_point_that_is_left_out_is_zero_of_the_inputs_type(tmp_path):
    net = QNet(x=[1, 6])
    p = parameters(net, 0.05, 3)
    x = net.add("QuantizeLinear", "x", *p)
    y = qlinear(net, "QLinearAdd", x, *p, x, *p, net.scale(0.2))
    net.dq(y, 0.2, outputs=["y"])
    model = net.model("y")
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    compiled = compile_with(save(model, tmp_path))
    assert quant(compiled.program)["y"] == (float(np.float32(0.2)), 0)


@pytest.mark.parametrize("axis,transposed", [(0, 1), (1, 0)])
def test_gemm_scales_lie_along_its_outputs(tmp_path, axis, transposed):
    net = QNet(x=[1, 5])
    shape = (5, 5)
    w = net.weights(shape, random_scales(net.rng, 5), axis=axis)
    y = net.pair(net.add("Gemm", net.pair("x", 0.05), w, transB=transposed), 0.1)
    compiled, model = build(net, y, tmp_path)
    stored = initializer(model, next(n for n in model.graph.node if n.output[0] == w).input[0])
    np.testing.assert_array_equal(stored if transposed else stored.T, layer(compiled, LinearStep).weights)
    assert (codes_off(compiled, model, (1, 5), y) < 1.5).all()


@pytest.mark.parametrize("kind,low,high", [("INT4", -8, 7), ("UINT4", 0, 15)])
def test_weights_of_four_bits_are_unpacked(tmp_path, kind, low, high):
    net = QNet(opset=21, x=[1, 7])
    codes = net.rng.integers(low, high + 1, (3, 7))
    q = net.int4(codes, "codes", kind)
    zero = 0 if kind == "INT4" else 8
    z = net.int4(np.full(3, zero), "zeros", kind)
    w = net.add("DequantizeLinear", q, net.scale(random_scales(net.rng, 3)), z, axis=0)
    y = net.pair(net.add("Gemm", net.pair("x", 0.05), w, transB=1), 0.1)
    compiled, _ = build(net, y, tmp_path)
    np.testing.assert_array_equal(codes - zero, layer(compiled, LinearStep).weights)


def test_neighbours_of_different_parameters_are_requantized(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    x = net.pair("x", 0.05)
    pooled = net.pair(net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.04, 10)
    other = net.pair(net.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.03, -5)
    y = net.pair(net.add("Concat", pooled, other, axis=1), 0.06, 1)
    compiled, model = build(net, y, tmp_path)
    assert sorted(kinds(compiled)) == ["concat", "max_pool", "mean", "table", "table", "table"]
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 1.5).all()


def test_tensor_quantized_twice_is_requantized_for_the_second_reader(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    a = net.add("Conv", net.pair("x", 0.05), net.weights((3, 3, 1, 1), 0.01))
    y = net.add("Add", net.pair(a, 0.1, 3), net.pair(a, 0.15, -4))
    y = net.pair(y, 0.2)
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["conv2d", "table", "add"]
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 2.5).all()


def test_quantization_between_functions_stays(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    a = net.pair(net.add("Conv", net.pair("x", 0.05), net.weights((3, 3, 1, 1), 0.01)), 0.1, 3)
    gate = net.pair(net.add("Sigmoid", a), 1 / 100, -128)
    y = net.pair(net.add("Mul", a, gate), 0.08, -60)
    compiled, model = build(net, y, tmp_path)
    # Without the quantization of the gate these are one table.
    assert kinds(compiled) == ["conv2d", "table", "mul"]
    assert (float(np.float32(0.01)), -128) in quant(compiled.program).values()
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 1.5).all()


def test_normalization_behind_a_quantization_does_not_change_the_layer_before(tmp_path):
    net = QNet(x=[1, 3, 6, 6])
    w = net.weights((3, 3, 1, 1), 0.01)
    a = net.pair(net.add("Conv", net.pair("x", 0.05), w), 0.1, 3)
    y = net.pair(net.batchnorm(a, 3), 0.1, -3)
    compiled, model = build(net, y, tmp_path)
    assert kinds(compiled) == ["conv2d", "depthwise_conv2d"]
    stored = initializer(model, next(n for n in model.graph.node if n.output[0] == w).input[0])
    np.testing.assert_array_equal(stored.transpose(0, 2, 3, 1), layer(compiled).weights)
    assert (codes_off(compiled, model, (1, 3, 6, 6), y) < 2.5).all()


def test_bias_of_another_scale_is_rounded_again_and_says_so(tmp_path):
    net = QNet(x=[1, 5])
    w = net.weights((5, 5), 0.01)
    y = net.add("Gemm", net.pair("x", 0.05), w, net.bias(0.001, 5), transB=1)
    compiled, model = build(net, net.pair(y, 0.3), tmp_path)
    (note,) = [note for note in compiled.imported if note.what == "bias"]
    assert note.outcome.value == "changed"
    stored = next(initializer(model, n.input[0]) for n in model.graph.node if n.output[0] == note.tensor)
    expected = np.rint(stored * np.float32(0.001) / (np.float64(np.float32(0.05)) * np.float32(0.01)))
    np.testing.assert_array_equal(expected, layer(compiled, LinearStep).bias)


def test_weights_alone_are_kept_and_ranges_measured(tmp_path):
    net = QNet(x=[1, 5])
    w = net.weights((5, 5), random_scales(net.rng, 5))
    net.add("Gemm", "x", w, net.random(5), transB=1, outputs=["y"])
    model = net.model("y")
    data = samples_of("x", net.rng.normal(size=(8, 1, 5)))
    compiled = compile_with(save(model, tmp_path), data=data)
    assert compiled.program.origin.ranges.value == "calibrated"
    stored = next(initializer(model, n.input[0]) for n in model.graph.node if n.output[0] == w)
    np.testing.assert_array_equal(stored, layer(compiled, LinearStep).weights)
