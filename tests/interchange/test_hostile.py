"""Quantized models that are damaged, dynamic or of a form without arithmetic are refused by node."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from mcuq.errors import McuqError
from tests.interchange.models import compile_with
from tests.interchange.qnet import QNet, random_scales
from tests.small_models import save


def refused(net, output, folder, domain=None):
    model = net.model(output)
    if domain is not None:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    with pytest.raises(McuqError) as caught:
        compile_with(save(model, folder))
    return caught.value.problems


def with_weights(w, net, output_scale=0.3):
    return net.pair(net.add("Conv", net.pair("x", 0.05), w), output_scale)


def image_net(**options):
    return QNet(x=[1, 3, 6, 6], **options)


@pytest.mark.parametrize(
    "scale,zero,dtype,code",
    [
        (0.0, 0, "int8", "Q005"),
        (-0.1, 0, "int8", "Q005"),
        (1e-42, 0, "int8", "Q005"),
        (np.float32(3e38), 0, "int8", "Q005"),
        (float("inf"), 0, "int8", "Q005"),
        ([0.1, 0.2, 0.3], [0, 0, 0], "int8", "M004"),
        (0.1, 5, "int16", "M004"),
        (0.1, 0, "int32", "M004"),
        (0.1, [0, 1], "int8", "Q005"),
        ([[0.1]], 0, "int8", "M004"),
        ([], [], "int8", "M002"),
    ],
)
def test_parameters_of_activations_are_checked(tmp_path, scale, zero, dtype, code):
    net = image_net()
    y = net.add("Relu", net.dq(net.q("x", scale, zero, dtype), scale, zero, dtype))
    problems = refused(net, y, tmp_path)
    assert problems[0].code == code
    assert "QuantizeLinear" in problems[0].where
    assert "DequantizeLinear" not in problems[0].where  # one mistake, one message
    assert len(problems) == 1


def test_scale_that_is_not_a_number_is_refused(tmp_path):
    net = image_net()
    (problem,) = refused(net, net.add("Relu", net.pair("x", float("nan"))), tmp_path)
    assert problem.code == "M005"


@pytest.mark.parametrize(
    "scale,zero,axis,code",
    [
        (np.full(4, 0.1), np.zeros(4), 1, "Q005"),  # 3 channels there
        (np.full(3, 0.1), np.zeros(3), 1, "M004"),  # as many as input channels
        (np.full(5, 0.1), np.zeros(5), 0, "Q005"),
        (np.full(4, 0.1), np.zeros(3), 0, "Q005"),
        (np.full(4, 0.1), np.zeros(4), 7, "M002"),
        (np.array([0.1, 0.1, 0.0, 0.1]), np.zeros(4), 0, "Q005"),
    ],
)
def test_parameters_of_weights_are_checked(tmp_path, scale, zero, axis, code):
    net = image_net()
    codes = net.const(net.rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8))
    w = net.dq(codes, scale, zero, axis=axis)
    (problem,) = refused(net, with_weights(w, net), tmp_path)
    assert problem.code == code


def test_asymmetric_weights_are_refused_with_what_to_do(tmp_path):
    net = image_net()
    w = net.weights((4, 3, 3, 3), 0.01, dtype="uint8", zero=60)
    (problem,) = refused(net, with_weights(w, net), tmp_path)
    assert problem.code == "M004"
    assert "zero point -68" in problem.why
    assert "symmetric" in problem.fix


def test_blocks_are_refused(tmp_path):
    net = image_net(opset=21)
    codes = net.const(np.ones((4, 3, 3, 3), np.int8))
    w = net.dq(codes, np.full((4, 3, 3, 3), 0.1), np.zeros((4, 3, 3, 3)), axis=1, block_size=1)
    (problem,) = refused(net, with_weights(w, net), tmp_path)
    assert problem.code == "M004"
    assert "block" in problem.why


def test_bias_with_a_zero_point_is_refused(tmp_path):
    net = image_net()
    bias = net.dq(net.const(np.ones(4, np.int32)), 0.1, 3, "int32", axis=0)
    y = net.add("Conv", net.pair("x", 0.05), net.weights((4, 3, 3, 3), 0.01), bias)
    (problem,) = refused(net, net.pair(y, 0.3), tmp_path)
    assert problem.code == "Q005"


def test_scale_that_is_computed_is_refused(tmp_path):
    net = image_net()
    scale = net.add("ReduceMax", net.add("Abs", "x"), keepdims=0)
    q = net.add("QuantizeLinear", "x", scale, net.zero(0))
    (problem,) = refused(net, net.add("DequantizeLinear", q, scale, net.zero(0)), tmp_path)
    assert problem.code == "M004"
    assert "run time" in problem.why


@pytest.mark.parametrize("op", ["ConvInteger", "MatMulInteger", "DynamicQuantizeLinear"])
def test_dynamic_quantization_is_refused(tmp_path, op):
    net = QNet(x=[1, 3, 6, 6])
    codes = net.const(np.ones((4, 3, 3, 3), np.int8))
    inputs = ["x"] if op == "DynamicQuantizeLinear" else [net.q("x", 0.1), codes]
    y = net.add("Cast", net.add(op, *inputs), to=TensorProto.FLOAT)
    (problem,) = refused(net, y, tmp_path)
    assert problem.code == "M004"
    assert op in problem.title
    assert "quantize_static" in problem.fix


@pytest.mark.parametrize("op", ["DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearWhere"])
def test_dynamic_operators_of_onnxruntime_are_refused(tmp_path, op):
    net = QNet(x=[1, 6])
    y = net.add(op, "x", net.random(6, 6), domain="com.microsoft")
    (problem,) = refused(net, y, tmp_path, "com.microsoft")
    assert problem.code == "M004"


def test_integers_that_are_computed_with_are_refused(tmp_path):
    net = QNet(x=[1, 6])
    y = net.dq(net.add("Relu", net.q("x", 0.1)), 0.1)
    (problem,) = refused(net, y, tmp_path)
    assert problem.code == "M004"
    assert "computes with the integers" in problem.why


def test_integers_of_two_scales_that_are_joined_contradict(tmp_path):
    net = QNet(x=[1, 6])
    joined = net.add("Concat", net.q("x", 0.1), net.q("x", 0.2), axis=1)
    (problem,) = refused(net, net.dq(joined, 0.1), tmp_path)
    assert problem.code == "Q006"
    assert "0.1" in problem.why and "0.2" in problem.why


def test_quantized_codes_that_are_quantized_again_are_refused(tmp_path):
    net = QNet(x=[1, 6])
    problems = refused(net, net.dq(net.q(net.q("x", 0.1), 0.1), 0.1), tmp_path)
    assert [problem.code for problem in problems] == ["M004"]


def test_dequantized_floats_are_refused(tmp_path):
    net = QNet(x=[1, 6])
    (problem,) = refused(net, net.dq("x", 0.1), tmp_path)
    assert problem.code == "M004"
    assert "'x'" in problem.why


def test_integer_input_without_parameters_is_refused(tmp_path):
    net = QNet(x=[1, 6])
    net.inputs.append(helper.make_tensor_value_info("i", TensorProto.INT32, [1, 6]))
    y = net.add("Add", net.pair("x", 0.1), net.dq("i", 0.1, 0, "int32"))
    assert "M004" in {problem.code for problem in refused(net, y, tmp_path)}


@pytest.mark.parametrize("count", [0, 1, 2, 5, 7])
def test_integer_operators_with_missing_inputs_are_refused(tmp_path, count):
    net = image_net()
    q = net.q("x", 0.1)
    inputs = [q, net.scale(0.1), net.zero(0), net.const(np.ones((4, 3, 1, 1), np.int8))]
    inputs += [net.scale(0.1), net.zero(0), net.scale(0.1), net.zero(0)]
    net.add("QLinearConv", *inputs[:count], outputs=["y"])
    problems = refused(net, net.dq("y", 0.1), tmp_path)
    assert all(problem.code in ("M002", "M004", "M007") for problem in problems)


def test_all_mistakes_are_named_at_once(tmp_path):
    net = image_net()
    y = net.pair(net.add("Relu", net.pair("x", 0.0)), -1.0)
    net.add("Sigmoid", net.pair(net.add("Abs", "x"), 0.0), outputs=["other"])
    model = net.model(y, "other")
    with pytest.raises(McuqError) as caught:
        compile_with(save(model, tmp_path))
    assert [problem.code for problem in caught.value.problems] == ["Q005", "Q005"]


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_end_in_a_refusal_or_a_program(tmp_path, seed):
    """Random damage to fields of the file never ends in another exception."""
    rng = np.random.default_rng(seed)
    net = image_net()
    scales = random_scales(rng, 4)
    x = net.pair("x", 0.05, 3, "uint8")
    y = net.add("Conv", x, net.weights((4, 3, 3, 3), scales), net.bias(np.float32(0.05) * scales, 4))
    y = net.pair(net.add("Clip", y, net.const(0.0), net.const(6.0)), 0.03, -128)
    w = net.dq(
        net.q(net.random(5, 64), np.full(5, 0.02), np.zeros(5), axis=0), np.full(5, 0.02), np.zeros(5), axis=0
    )
    y = net.pair(net.add("Gemm", net.add("Flatten", y), w, transB=1), 0.5)
    model = net.model(y)
    for _ in range(int(rng.integers(1, 4))):
        damage(model, rng)
    path = save(model, tmp_path)
    try:
        compile_with(path)
    except McuqError as error:
        assert all(problem.code != "I001" for problem in error.problems)


def damage(model, rng):
    """Change one field of a model."""
    nodes, tensors = model.graph.node, model.graph.initializer
    node, tensor = nodes[rng.integers(len(nodes))], tensors[rng.integers(len(tensors))]
    names = [each.name for each in tensors] + [each.output[0] for each in nodes] + ["", "x", "nothing"]
    match rng.integers(9):
        case 0:
            tensor.data_type = int(rng.integers(1, 24))
        case 1:
            del tensor.dims[:]
            tensor.dims.extend(int(size) for size in rng.integers(0, 5, rng.integers(0, 4)))
        case 2:
            tensor.raw_data = rng.bytes(len(tensor.raw_data))
        case 3:
            node.input.insert(int(rng.integers(len(node.input) + 1)), names[rng.integers(len(names))])
        case 4:
            del node.input[rng.integers(len(node.input) + 1) :]
        case 5:
            node.op_type = nodes[rng.integers(len(nodes))].op_type
        case 6:
            node.attribute.append(helper.make_attribute("axis", int(rng.integers(-5, 6))))
        case 7:
            node.domain = ["", "com.microsoft", "other"][rng.integers(3)]
        case 8:
            nodes.remove(node)
