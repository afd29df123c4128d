"""Every operator in its forms: read, canonicalized and written back it computes what onnxruntime computes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_models import Net, check_model, kinds

from mcuq.ir.graph import Graph

IMAGE = (1, 3, 9, 7)


def one(op_type: str, shape=IMAGE, opset: int = 17, **attrs) -> Callable[[], object]:
    """A model of one operator with one input."""

    def build():
        net = Net(opset, x=shape)
        return net.model(net.add(op_type, "x", **attrs))

    return build


def with_ints(op_type: str, *values, shape=IMAGE, opset: int = 17, **attrs) -> Callable[[], object]:
    """A model of one operator with constant integer inputs behind its input."""

    def build():
        net = Net(opset, x=shape)
        constants = ["" if each is None else net.const(np.array(each, np.int64)) for each in values]
        return net.model(net.add(op_type, "x", *constants, **attrs))

    return build


def conv(shape, filters: int, kernel, opset: int = 17, bias: bool = True, **attrs) -> Callable[[], object]:
    def build():
        net = Net(opset, x=shape)
        weights = net.random(filters, shape[1] // attrs.get("group", 1), *kernel)
        biases = [net.random(filters)] if bias else []
        return net.model(net.add("Conv", "x", weights, *biases, **attrs))

    return build


def arithmetic(op_type: str, shape, constant, swap: bool = False) -> Callable[[], object]:
    def build():
        net = Net(17, x=shape)
        c = net.const(np.random.default_rng(3).uniform(0.5, 2, constant))
        return net.model(net.add(op_type, *((c, "x") if swap else ("x", c))))

    return build


def clip(lo, hi, opset: int = 17) -> Callable[[], object]:
    def build():
        net = Net(opset, x=IMAGE)
        limits = ["" if each is None else net.const(np.array(each, np.float32)) for each in (lo, hi)]
        return net.model(net.add("Clip", "x", *limits))

    return build


def pad(pads, value=None, axes=None, opset: int = 17, shape=IMAGE) -> Callable[[], object]:
    def build():
        net = Net(opset, x=shape)
        inputs = ["x", net.const(np.array(pads, np.int64))]
        if value is not None or axes is not None:
            inputs.append("" if value is None else net.const(np.array(value, np.float32)))
        if axes is not None:
            inputs.append(net.const(np.array(axes, np.int64)))
        return net.model(net.add("Pad", *inputs))

    return build


def gemm(bias=None, shape=(1, 6), **attrs) -> Callable[[], object]:
    def build():
        net = Net(17, x=shape)
        size = (4, 6) if attrs.get("transB") else (6, 4)
        extra = [] if bias is None else [net.random(*bias)]
        return net.model(net.add("Gemm", "x", net.random(*size), *extra, **attrs))

    return build


def matmul(shape, weights) -> Callable[[], object]:
    def build():
        net = Net(17, x=shape)
        return net.model(net.add("MatMul", "x", net.random(*weights)))

    return build


def add_two() -> object:
    net = Net(17, x=IMAGE, z=IMAGE)
    return net.model(net.add("Add", "x", "z"))


def add_self() -> object:
    net = Net(17, x=IMAGE)
    return net.model(net.add("Add", "x", "x"))


def batchnorm(shape, opset: int = 17) -> Callable[[], object]:
    def build():
        net = Net(opset, x=shape)
        return net.model(net.batchnorm("x", shape[1]))

    return build


CASES = {
    "conv": conv(IMAGE, 5, (3, 3)),
    "conv_no_bias": conv(IMAGE, 5, (3, 3), bias=False),
    "conv_opset7": conv(IMAGE, 5, (3, 3), opset=7),
    "conv_newest": conv(IMAGE, 5, (3, 3), opset=22),
    "conv_pads": conv(IMAGE, 5, (3, 2), pads=[1, 0, 2, 1]),
    "conv_strides": conv(IMAGE, 5, (3, 3), strides=[2, 3], pads=[1, 1, 1, 1]),
    "conv_dilations": conv(IMAGE, 5, (3, 3), dilations=[2, 3]),
    "conv_groups": conv((1, 6, 5, 5), 4, (3, 3), group=2),
    "conv_depthwise": conv((1, 6, 5, 5), 6, (3, 3), group=6),
    "conv_depthwise_multiplier": conv((1, 3, 5, 5), 6, (3, 3), group=3),
    "conv_same_upper": conv(IMAGE, 5, (4, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv_same_lower": conv(IMAGE, 5, (4, 3), auto_pad="SAME_LOWER", strides=[2, 2]),
    "conv_valid": conv(IMAGE, 5, (4, 3), auto_pad="VALID"),
    "conv_batch": conv((2, 3, 5, 5), 4, (3, 3)),
    "conv_one_pixel": conv((1, 3, 1, 1), 4, (1, 1)),
    "conv_1d": conv((1, 3, 11), 4, (3,), pads=[1, 2], strides=[2]),
    "conv_1d_same": conv((1, 3, 11), 4, (4,), auto_pad="SAME_UPPER"),
    "conv_1d_depthwise": conv((1, 3, 11), 3, (3,), group=3),
    "batchnorm": batchnorm(IMAGE),
    "batchnorm_matrix": batchnorm((1, 5)),
    "batchnorm_1d": batchnorm((1, 5, 4)),
    "batchnorm_opset7": batchnorm(IMAGE, opset=7),
    "mul_scalar": arithmetic("Mul", IMAGE, ()),
    "mul_one": arithmetic("Mul", IMAGE, (1, 1, 1, 1)),
    "mul_channel": arithmetic("Mul", IMAGE, (3, 1, 1)),
    "mul_channel_first": arithmetic("Mul", IMAGE, (3, 1, 1), swap=True),
    "mul_last_axis": arithmetic("Mul", (1, 4, 5), (5,)),
    "mul_row": arithmetic("Mul", (1, 6), (6,)),
    "mul_vector": arithmetic("Mul", (6,), (6,)),
    "add_channel": arithmetic("Add", IMAGE, (1, 3, 1, 1)),
    "add_first": arithmetic("Add", IMAGE, (3, 1, 1), swap=True),
    "sub": arithmetic("Sub", IMAGE, (3, 1, 1)),
    "sub_from": arithmetic("Sub", IMAGE, (3, 1, 1), swap=True),
    "div": arithmetic("Div", IMAGE, (3, 1, 1)),
    "add_two": add_two,
    "add_self": add_self,
    "gemm": gemm((4,)),
    "gemm_no_bias": gemm(),
    "gemm_transposed": gemm((4,), transB=1),
    "gemm_factors": gemm((1, 4), alpha=0.5, beta=-2.0),
    "gemm_scalar_bias": gemm(()),
    "gemm_batch": gemm((4,), shape=(3, 6)),
    "matmul": matmul((1, 6), (6, 4)),
    "matmul_rows": matmul((2, 5, 6), (6, 4)),
    "matmul_vector": matmul((6,), (6, 4)),
    "matmul_by_vector": matmul((3, 6), (6,)),
    "matmul_leading_one": matmul((1, 3, 6), (1, 6, 4)),
    "relu": one("Relu"),
    "clip_attributes": one("Clip", opset=10, min=-0.5, max=0.5),
    "clip_attribute_default": one("Clip", opset=7, min=0.0),
    "clip": clip(-0.5, 0.25),
    "clip_lo": clip(0.0, None),
    "clip_hi": clip(None, 1.0),
    "clip_none": clip(None, None),
    "clip_crossed": clip(1.0, 0.5),
    "clip_infinite": clip(-np.inf, 1.0),
    "max_pool": one("MaxPool", kernel_shape=[3, 2]),
    "max_pool_strides": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 2]),
    "max_pool_same": one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    "max_pool_ceil": one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "max_pool_ceil_pads": one("MaxPool", kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 1, 1], ceil_mode=1),
    "max_pool_dilated": one("MaxPool", kernel_shape=[2, 2], dilations=[2, 3]),
    "max_pool_1d": one("MaxPool", (1, 3, 11), kernel_shape=[3], strides=[2]),
    "average_pool": one("AveragePool", kernel_shape=[3, 2], strides=[2, 2]),
    "average_pool_pads": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "average_pool_count": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "average_pool_ceil": one("AveragePool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "average_pool_1d": one("AveragePool", (1, 3, 11), kernel_shape=[3]),
    "global_average": one("GlobalAveragePool"),
    "global_average_1d": one("GlobalAveragePool", (1, 3, 7)),
    "global_max": one("GlobalMaxPool"),
    "mean_attribute": one("ReduceMean", axes=[2, 3], keepdims=0, opset=13),
    "mean_kept": one("ReduceMean", axes=[-1, -2], opset=13),
    "mean_width": one("ReduceMean", axes=[3], keepdims=0, opset=13),
    "mean_height": one("ReduceMean", axes=[2], opset=13),
    "mean_channels": one("ReduceMean", axes=[1], opset=13),
    "mean_nhwc": one("ReduceMean", axes=[1, 2], keepdims=0, opset=13),
    "mean_all": one("ReduceMean", keepdims=0, opset=13),
    "mean_input": with_ints("ReduceMean", [2, 3], opset=18, keepdims=0),
    "mean_noop": one("ReduceMean", opset=18, noop_with_empty_axes=1),
    "mean_matrix": one("ReduceMean", (4, 6), opset=13, axes=[1]),
    "mean_unit_axes": one("ReduceMean", (1, 3, 1, 1), opset=13, axes=[2, 3], keepdims=0),
    "pad": pad([0, 0, 1, 2, 0, 0, 0, 3]),
    "pad_value": pad([0, 0, 1, 2, 0, 0, 0, 3], -1.5),
    "pad_channels": pad([0, 1, 0, 0, 0, 2, 0, 0]),
    "pad_axes": pad([1, 2, 0, 3], None, [2, -1], opset=18),
    "pad_attributes": one("Pad", opset=10, pads=[0, 0, 1, 2, 0, 0, 0, 3], value=2.0),
    "pad_void": pad([0] * 8),
    "pad_matrix": pad([0, 1, 0, 2], shape=(1, 4)),
    "reshape": with_ints("Reshape", [1, -1]),
    "reshape_zero": with_ints("Reshape", [0, 0, -1]),
    "reshape_same": with_ints("Reshape", [1, 3, 9, 7]),
    "flatten": one("Flatten"),
    "flatten_axis": one("Flatten", axis=-1),
    "flatten_zero": one("Flatten", axis=0),
    "squeeze": one("Squeeze", (1, 3, 1, 1), opset=12, axes=[2, 3]),
    "squeeze_all": one("Squeeze", (1, 3, 1, 2)),
    "squeeze_input": with_ints("Squeeze", [-1], shape=(1, 3, 1)),
    "unsqueeze": one("Unsqueeze", (3, 4), opset=12, axes=[0, 3]),
    "unsqueeze_input": with_ints("Unsqueeze", [0, -1], shape=(3, 4)),
    "transpose": one("Transpose", perm=[0, 2, 3, 1]),
    "transpose_reverse": one("Transpose", (2, 3, 4)),
    "identity": lambda: _behind_relu("Identity"),
    "dropout": lambda: _behind_relu("Dropout"),
    "dropout_opset7": lambda: _behind_relu("Dropout", opset=7, ratio=0.3),
    "cast": lambda: _behind_relu("Cast", to=1),
    "softmax": one("Softmax", (1, 10)),
    "softmax_last": one("Softmax", (2, 3, 10), axis=-1),
    "softmax_channels": one("Softmax", axis=1),
    "softmax_old": one("Softmax", (1, 10), opset=11),
    "softmax_old_flattens": one("Softmax", opset=11, axis=1),
    "softmax_old_axis": one("Softmax", opset=11, axis=2),
}


def _behind_relu(op_type: str, opset: int = 17, **attrs):
    net = Net(opset, x=IMAGE)
    return net.model(net.add(op_type, net.add("Relu", "x"), **attrs))


# Alone these are outputs that are inputs, which the device would have to copy.
VOID = {"clip_none", "pad_void", "reshape_same", "mean_noop"}
# A shape is not computed: the port knows it, and nothing is left.
MOVES = {"reshape", "reshape_zero", "flatten", "flatten_axis", "flatten_zero", "mean_unit_axes"}
MOVES |= {"squeeze", "squeeze_all", "squeeze_input", "unsqueeze", "unsqueeze_input"}
MOVES |= {"transpose", "transpose_reverse"}


# What the oldest onnxruntime that pyproject.toml allows does not run itself, and how it says so.
BEYOND_OLD_ONNXRUNTIME = {"conv_newest": "ValidateOpsetForDomain", "mean_noop": "ValidateNoTransposeReduce"}


def check_case(name: str, model: onnx.ModelProto, folder: Path) -> Graph:
    """`check_model`, skipped where the installed onnxruntime cannot tell what is right."""
    try:
        return check_model(model, folder)
    except Exception as error:  # onnxruntime's exceptions share no public base
        if name in BEYOND_OLD_ONNXRUNTIME and BEYOND_OLD_ONNXRUNTIME[name] in str(error):
            pytest.skip(f"the installed onnxruntime does not run '{name}'")
        raise


@pytest.mark.parametrize("name", sorted(CASES.keys() - VOID - MOVES))
def test_operator_computes_what_onnxruntime_does(name: str, tmp_path: Path):
    graph = check_case(name, CASES[name](), tmp_path)
    assert not {"transpose", "affine"} & set(kinds(graph))


@pytest.mark.parametrize("name", sorted(VOID | MOVES))
def test_moves_between_layers_compute_what_onnxruntime_does(name: str, tmp_path: Path):
    model = CASES[name]()
    for tensor in (model.graph.node[0].input, model.graph.node[0].output):
        tensor[0] = {"x": "before"}.get(tensor[0], "after")
    inner = model.graph.node[0]
    del model.graph.node[:]
    inner.name = "inner"
    net = Net(17)
    net.add("Relu", "x", outputs=["before"])
    net.add("Relu", "after", outputs=["y"])
    model.graph.node.extend([net.nodes[0], inner, net.nodes[1]])
    model.graph.output[0].name = "y"
    check_case(name, model, tmp_path)
