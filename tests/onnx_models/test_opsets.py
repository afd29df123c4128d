"""The same small network in the form that every opset gives it."""

import numpy as np
import onnx
import pytest
from onnx import helper
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read
from mcuq.passes.canonicalize import canonicalize

from .checked import check_built
from .test_moves import ints

KINDS = "conv2d conv2d conv2d table slice slice table concat slice max_pool mean linear softmax"
NEWEST = onnx.defs.onnx_opset_version()


def network(opset, batch=1):
    """Convolutions, pools, a split, slices and reductions, with attributes that became inputs."""
    net = Net(opset, x=(batch, 3, 8, 8))
    net.rng = np.random.default_rng(5)

    def with_axes(op_type, x, since, axes, **attrs):
        if opset < since:
            return net.add(op_type, x, axes=axes, **attrs)
        return net.add(op_type, x, ints(net, *axes), **attrs)

    x = net.add("Relu", net.batchnorm(net.conv("x", 3, 8, (3, 3), pads=[1, 1, 1, 1]), 8))
    if opset < 11:
        x = net.add("Clip", net.conv(x, 8, 8, (3, 3), group=8), min=0.0, max=6.0)
        x = net.add("Pad", x, pads=[0, 0, 1, 1, 0, 0, 1, 1])
    else:
        x = net.add("Clip", net.conv(x, 8, 8, (3, 3), group=8), net.const(0.0), net.const(6.0))
        x = net.add("Pad", x, ints(net, 0, 0, 1, 1, 0, 0, 1, 1))
    x = net.conv(x, 8, 8, (1, 1))
    x = net.add("Mul", x, net.add("Sigmoid", x))
    net.add("Split", x, *([ints(net, 4, 4)] if opset >= 13 else []), axis=1, outputs=["left", "right"],
            **({} if opset >= 13 else {"split": [4, 4]}))  # fmt: skip
    x = net.add("Concat", "right", net.add("LeakyRelu", "left"), axis=1)
    if opset < 10:
        x = net.add("Slice", x, axes=[2], starts=[1], ends=[-1])
    else:
        x = net.add("Slice", x, ints(net, 1), ints(net, -1), ints(net, 2))
    x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.add("Dropout", x)
    x = with_axes("Unsqueeze", x, 13, [0])
    x = with_axes("Squeeze", x, 13, [0])
    x = with_axes("ReduceMean", x, 18, [2, 3], keepdims=0)
    x = net.add("Reshape", x, ints(net, 0, -1))
    x = net.add("Gemm", x, net.random(8, 4), net.random(4))
    return net, net.add("Softmax", x, axis=1)


def checker_context(opset):
    context = type(onnx.checker.DEFAULT_CONTEXT)()
    context.ir_version, context.opset_imports = 8, {"": opset}
    return context


@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_opset(opset, tmp_path):
    net, output = network(opset)
    model = net.model(output)
    for node in model.graph.node:
        onnx.checker.check_node(node, checker_context(opset))
    graph = canonicalize(read(save(model, tmp_path)).graph)
    kinds = [node.op.kind for node in graph.nodes if node.op.kind != "reshape"]
    assert (
        kinds
        == "conv2d conv2d conv2d table slice slice table concat slice max_pool mean linear softmax".split()
    )


@pytest.mark.parametrize("opset", [7, 9, 11, 13, 15, 17, 18, 20, 21])
def test_opset_computes_the_same(opset, tmp_path):
    net, output = network(opset)
    built = check_built(net.model(output), tmp_path, -1.0, 1.0)
    net, output = network(17)
    again = check_built(net.model(output), tmp_path, -1.0, 1.0)
    np.testing.assert_array_equal(next(iter(again.found.values())), next(iter(built.found.values())))


def test_symbolic_batch(tmp_path):
    net, output = network(17, "batch")
    path = save(net.model(output), tmp_path)
    assert read(path).graph.inputs[0].model_shape == (1, 3, 8, 8)


def test_weights_outside_the_file_and_among_the_inputs(tmp_path):
    net, output = network(17)
    model = net.model(output)
    for tensor in model.graph.initializer:  # as ir_version 3 demanded
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    expected = canonicalize(read(save(model, tmp_path, "inside.onnx")).graph)
    path = tmp_path / "outside.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=64)
    stored = onnx.load(path, load_external_data=False).graph.initializer
    assert any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in stored)
    found = canonicalize(read(path).graph)
    assert expected.nodes == found.nodes and len(found.inputs) == 1
    for name, array in expected.constants.items():
        np.testing.assert_array_equal(array, found.constants[name])


def test_opset_of_the_future_is_refused(tmp_path):
    net, output = network(17)
    model = net.model(output)
    model.opset_import[0].version = NEWEST + 1
    with pytest.raises(McuqError, match="M004"):
        read(save(model, tmp_path))
