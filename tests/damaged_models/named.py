"""Models that ask for absurd amounts, each in a way of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from tests.small_models import Net


def _ints(net: Net, *values: int) -> str:
    return net.const(np.array(values, np.int64))


def _net(
    op_type: str, *constants: object, shape: tuple[int, ...] = (1, 2, 8, 8), **attrs: object
) -> onnx.ModelProto:
    """One operator on an image and constants."""
    net = Net(17, x=shape)
    operands = [each if isinstance(each, str) else net.const(each) for each in constants]
    return net.model(net.add(op_type, "x", *operands, **attrs))


def _conv(image: int, kernel: int, **attrs: object) -> onnx.ModelProto:
    """A convolution whose weights a constant expression makes."""
    net = Net(17, x=(1, 1, image, image))
    w = net.add("ConstantOfShape", _ints(net, 1, 1, kernel, kernel), value=_one())
    return net.model(net.add("Conv", "x", w, **attrs))


def _one() -> onnx.TensorProto:
    return onnx.numpy_helper.from_array(np.ones(1, np.float32))


def _folded(op_type: str, *constants: object) -> onnx.ModelProto:
    """A constant that one operator computes from others."""
    net = Net(17, x=(1, 4))
    made = net.add(op_type, *(net.const(each) for each in constants))
    return net.model(net.add("Add", "x", made))


def _chain() -> onnx.ModelProto:
    """Tensors that are all within the limit, but not together."""
    net = Net(17, x=(1, 16, 1024, 1024))
    x = "x"
    for _ in range(10):
        x = net.add("Sigmoid", x)
    return net.model(x)


def _constants() -> onnx.ModelProto:
    """Constants that are all within the limit, but not together."""
    net = Net(17, x=(1, 4))
    sizes = _ints(net, 2**13, 2**12)
    for number in range(6):
        net.add("ConstantOfShape", sizes, outputs=[f"large_{number}"], value=_one())
    parts = [net.add("ReduceSum", f"large_{number}", keepdims=0) for number in range(6)]
    return net.model(net.add("Add", "x", net.add("Sum", *parts)))


def _loop() -> onnx.ModelProto:
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["c"], ["d"])],
        "body",
        [onnx.helper.make_tensor_value_info(n, t, []) for n, t in (("i", 7), ("c", 9))],
        [onnx.helper.make_tensor_value_info("d", 9, [])],
    )
    net = Net(17, x=(1, 4))
    net.add("Loop", net.const(np.int64(2**62)), net.const(np.array(True)), body=body, outputs=["n"])
    return net.model(net.add("Relu", "x"), "n")


def _external() -> onnx.ModelProto:
    net = Net(17, x=(1, 4))
    tensor = onnx.TensorProto(name="w", data_type=1, dims=[4, 2**24], data_location=1)
    for key, value in (("location", "model.onnx"), ("offset", "0"), ("length", str(2**28))):
        tensor.external_data.add(key=key, value=value)
    net.initializers.append(tensor)
    return net.model(net.add("MatMul", "x", "w"))


def i64(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def f32(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


# Each with the code that refuses it.
NAMED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "batch": (lambda: _net("Relu", shape=(2**18, 2, 8, 8)), "M011"),
    "tensors together": (_chain, "M011"),
    "constants together": (_constants, "M011"),
    "pads with strides": (lambda: _conv(8, 3, pads=[2**23] * 4, strides=[2**23] * 2), "M011"),
    "dilations": (lambda: _conv(2048, 2, dilations=[2**23] * 2, pads=[2**23] * 4), "M011"),
    "products": (lambda: _conv(2000, 900), "M011"),
    "taps": (lambda: _conv(2000, 1100), "M011"),
    "pool": (lambda: _net("AveragePool", shape=(1, 1, 2000, 2000), kernel_shape=[1100, 1100]), "M011"),
    "expand": (lambda: _net("Expand", i64(2**12, 2, 8, 2**12), shape=(1, 2, 8, 1)), "M011"),
    "tile": (lambda: _net("Tile", i64(1, 1, 2**20, 2**20)), "M011"),
    "resize": (lambda: _net("Resize", "", f32(1, 1, 2**12, 2**12), mode="nearest"), "M011"),
    "resize to sizes": (lambda: _net("Resize", "", "", i64(1, 2, 2**31, 8), mode="nearest"), "M011"),
    "pad": (lambda: _net("Pad", i64(0, 0, 2**14, 2**14, 0, 0, 2**14, 2**14)), "M011"),
    "pad along an axis": (lambda: _net("Pad", i64(0, 2**23, 0, 0), shape=(1, 1), mode="edge"), "M011"),
    "constant of shape": (lambda: _folded("ConstantOfShape", i64(2**16, 2**16)), "M011"),
    "range": (lambda: _folded("Range", i64(0)[0], i64(2**40)[0], i64(1)[0]), "M011"),
    "expanded constant": (lambda: _folded("Expand", f32(1), i64(2**20, 2**20)), "M011"),
    "tiled constant": (lambda: _folded("Tile", f32(1), i64(2**40)), "M011"),
    "padded constant": (lambda: _folded("Pad", f32(1), i64(2**40, 2**40)), "M011"),
    "loop": (_loop, "M003"),
    "external data": (_external, "M008"),
}
