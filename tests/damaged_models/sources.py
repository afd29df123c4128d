"""The sound models that damage starts from."""

from __future__ import annotations

import functools

import numpy as np
import onnx

from tests.conftest import EXAMPLE
from tests.interchange.models import small_net
from tests.interchange.qnet import QNet, random_scales
from tests.onnx_models.networks import NETWORKS, make
from tests.small_models import Net


def _ints(net: Net, *values: int) -> str:
    return net.const(np.array(values, np.int64))


def shapes() -> onnx.ModelProto:
    """Constants that are computed from sizes, and every operator whose output a number makes large."""
    net = Net(17, x=(1, 3, 8, 8))
    side = net.add("Range", net.const(np.int64(0)), net.const(np.int64(8)), net.const(np.int64(1)))
    ramp = net.add("Reshape", net.add("Cast", side, to=1), _ints(net, 1, 1, 8, 1))
    ramp = net.add("Expand", ramp, _ints(net, 1, 3, 8, 8))
    ones = net.add("Tile", net.add("ConstantOfShape", _ints(net, 1, 3, 4, 4)), _ints(net, 1, 1, 2, 2))
    x = net.add("Add", net.add("Mul", "x", ramp), ones)
    x = net.add("Resize", x, "", net.const([1.0, 1.0, 2.0, 2.0]), mode="nearest")
    x = net.add("Pad", x, _ints(net, 0, 0, 1, 1, 0, 0, 1, 1), mode="edge")
    x = net.add("Upsample", x, net.const([1.0, 1.0, 1.0, 1.0])) if net.opset < 10 else x
    x = net.add("Slice", x, _ints(net, 1, 1), _ints(net, 17, 17), _ints(net, 2, 3), _ints(net, 1, 1))
    x = net.add("Concat", x, net.add("Tile", x, _ints(net, 1, 2, 1, 1)), axis=1)
    x = net.add("DepthToSpace", net.conv(x, 9, 8, (3, 3), dilations=[2, 2], pads=[2] * 4), blocksize=2)
    x = net.add("SpaceToDepth", x, blocksize=2)
    x = net.add("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    x = net.add("Gather", x, _ints(net, 0, 2, 1), axis=1)
    x = net.add("Reshape", x, _ints(net, 1, -1))
    return net.model(net.add("Gemm", x, net.random(192, 4), transB=0))


def quantized() -> onnx.ModelProto:
    """A convolution and a fully connected layer in QDQ form."""
    net = QNet(x=[1, 3, 6, 6])
    scales = random_scales(np.random.default_rng(0), 4)
    x = net.pair("x", 0.05, 3, "uint8")
    y = net.add("Conv", x, net.weights((4, 3, 3, 3), scales), net.bias(np.float32(0.05) * scales, 4))
    y = net.pair(net.add("Clip", y, net.const(0.0), net.const(6.0)), 0.03, -128)
    w = net.weights((5, 64), np.full(5, 0.02))
    return net.model(net.pair(net.add("Gemm", net.add("Flatten", y), w, transB=1), 0.5))


@functools.cache
def sources() -> dict[str, bytes]:
    """Serialized models by name."""
    models = {network.__name__: make(network) for network in NETWORKS}
    models |= {"shapes": shapes(), "quantized": quantized(), "small": small_net().model("logits")}
    found = {name: model.SerializeToString() for name, model in models.items()}
    return found | {"digits": (EXAMPLE / "model.onnx").read_bytes()}
