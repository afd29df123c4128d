"""Small networks of well-known kinds, as exporters write them."""

from __future__ import annotations

import numpy as np

from tests.small_models import Net

IMAGE = (1, 3, 16, 16)


def ints(net, *values):
    return net.const(np.array(values, np.int64))


def cbn(net, x, inputs, outputs, kernel=1, act=None, **attrs):
    """Convolution, batch normalization, activation."""
    pad = kernel // 2
    x = net.conv(x, inputs, outputs, (kernel, kernel), pads=[pad] * 4, **attrs)
    x = net.batchnorm(x, outputs)
    return net.add(act, x) if act else x


def hard_swish(net, x):
    """As PyTorch writes it before opset 14."""
    y = net.add("Clip", net.add("Add", x, net.const(3.0)), net.const(0.0), net.const(6.0))
    return net.add("Div", net.add("Mul", x, y), net.const(6.0))


def swish(net, x):
    return net.add("Mul", x, net.add("Sigmoid", x))


def excite(net, x, channels, gate):
    s = net.add("GlobalAveragePool", x)
    s = net.add("Relu", net.conv(s, channels, 4, (1, 1)))
    return net.add("Mul", x, net.add(gate, net.conv(s, 4, channels, (1, 1))))


def mobilenet_v3(net):
    x = hard_swish(net, cbn(net, "x", 3, 8, 3, strides=[2, 2]))
    y = hard_swish(net, cbn(net, x, 8, 16))
    y = hard_swish(net, excite(net, cbn(net, y, 16, 16, 3, group=16), 16, "HardSigmoid"))
    x = net.add("Add", cbn(net, y, 16, 8), x)
    x = net.add("ReduceMean", x, axes=[2, 3], keepdims=0)
    return hard_swish(net, net.add("Gemm", x, net.random(8, 6), net.random(6)))


def efficientnet(net):
    x = swish(net, cbn(net, "x", 3, 8, 3, strides=[2, 2]))
    y = swish(net, cbn(net, x, 8, 16))
    y = excite(net, swish(net, cbn(net, y, 16, 16, 3, group=16)), 16, "Sigmoid")
    x = net.add("Add", cbn(net, y, 16, 8), x)
    return net.add("Flatten", net.add("GlobalAveragePool", swish(net, cbn(net, x, 8, 12))))


def shufflenet(net):
    x = cbn(net, "x", 3, 8, 3, "Relu", strides=[2, 2])
    net.add("Split", x, ints(net, 4, 4), axis=1, outputs=["a", "b"])
    y = cbn(net, "b", 4, 4, 1, "Relu")
    y = cbn(net, cbn(net, y, 4, 4, 3, group=4), 4, 4, 1, "Relu")
    x = net.add("Concat", "a", y, axis=1)
    x = net.add("Reshape", x, ints(net, 1, 2, 4, 8, 8))
    x = net.add("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = net.add("Reshape", x, ints(net, 1, -1, 8, 8))
    return cbn(net, x, 8, 6, 1, "Relu")


def unet(net):
    a = cbn(net, "x", 3, 6, 3, "Relu")
    b = cbn(net, net.add("MaxPool", a, kernel_shape=[2, 2], strides=[2, 2]), 6, 8, 3, "Relu")
    up = net.add("Resize", b, "", net.const([1.0, 1.0, 2.0, 2.0]), mode="nearest")
    x = cbn(net, net.add("Concat", up, a, axis=1), 14, 6, 3, "Relu")
    return net.add("Softmax", net.conv(x, 6, 3, (1, 1)), axis=1)


def yolo(net):
    """A detection head: boxes by sigmoid, exponential, grid and anchors."""
    x = cbn(net, cbn(net, "x", 3, 8, 3, "LeakyRelu", strides=[2, 2]), 8, 12, 3, "LeakyRelu", strides=[2, 2])
    x = net.add("Reshape", net.conv(x, 12, 14, (1, 1)), ints(net, 1, 2, 7, 4, 4))
    x = net.add("Transpose", x, perm=[0, 1, 3, 4, 2])
    net.add("Split", net.add("Sigmoid", x), ints(net, 2, 2, 3), axis=4, outputs=["xy", "wh", "score"])
    grid = np.stack(np.meshgrid(np.arange(4), np.arange(4)), -1).reshape(1, 1, 4, 4, 2)
    xy = net.add("Add", net.add("Mul", "xy", net.const(2.0)), net.const(grid - 0.5))
    wh = net.add("Mul", net.add("Pow", net.add("Mul", "wh", net.const(2.0)), net.const(2.0)),
                 net.random(1, 2, 1, 1, 2))  # fmt: skip
    return net.add("Reshape", net.add("Concat", xy, wh, "score", axis=4), ints(net, 1, -1, 7))


def keras(net):
    """NHWC at the ports and in constants, as tf2onnx writes it."""
    x = net.add("Transpose", "image", perm=[0, 3, 1, 2])
    x = net.add("Sub", net.add("Mul", x, net.const(2.0)), net.const(1.0))
    x = net.add("Relu", net.conv(x, 3, 8, (3, 3), strides=[2, 2], auto_pad="SAME_UPPER"))
    x = net.add("Transpose", x, perm=[0, 2, 3, 1])
    x = net.add("Mul", net.add("Add", x, net.random(8)), net.random(1, 1, 1, 8))
    x = net.add("Transpose", x, perm=[0, 3, 1, 2])
    x = net.conv(x, 8, 6, (1, 1))
    x = net.add("Squeeze", net.add("GlobalAveragePool", x), ints(net, 2, 3))
    return net.add("Softmax", net.add("Add", net.add("MatMul", x, net.random(6, 5)), net.random(5)))


def temporal(net):
    """Dilated causal convolutions over time with gates."""
    x = "signal"
    for dilation in (1, 2, 4):
        y = net.add("Pad", x, ints(net, 0, 0, 2 * dilation, 0, 0, 0))
        gate = net.add("Sigmoid", net.conv(y, 4, 4, (3,), dilations=[dilation]))
        y = net.add("Mul", net.add("Tanh", net.conv(y, 4, 4, (3,), dilations=[dilation])), gate)
        x = net.add("Add", x, net.conv(y, 4, 4, (1,)))
    return net.add("Slice", x, ints(net, -1), ints(net, 2**31), ints(net, 2))


def mixer(net):
    """Tokens and channels mixed in turn."""
    x = net.add("Reshape", net.conv("x", 3, 8, (4, 4), strides=[4, 4]), ints(net, 1, 8, 16))
    x = net.add("Transpose", x, perm=[0, 2, 1])
    y = net.add("Transpose", x, perm=[0, 2, 1])
    y = net.add("Gelu", net.add("Add", net.add("MatMul", y, net.random(16, 6)), net.random(6)))
    y = net.add("Transpose", net.add("MatMul", y, net.random(6, 16)), perm=[0, 2, 1])
    x = net.add("Add", x, y)
    y = net.add("Gelu", net.add("Add", net.add("MatMul", x, net.random(8, 12)), net.random(12)))
    x = net.add("Add", x, net.add("MatMul", y, net.random(12, 8)))
    return net.add("Gemm", net.add("ReduceMean", x, ints(net, 1), keepdims=0), net.random(8, 5))


def densenet(net):
    x = cbn(net, "x", 3, 6, 3)
    for channels in (6, 10):
        y = net.add("Relu", net.batchnorm(x, channels))
        x = net.add("Concat", x, net.conv(y, channels, 4, (3, 3), pads=[1, 1, 1, 1]), axis=1)
    return net.add("AveragePool", net.conv(x, 14, 5, (1, 1)), kernel_shape=[2, 2], strides=[2, 2])


def inception(net):
    parts = [
        cbn(net, "x", 3, 4, 1, "Relu"),
        cbn(net, cbn(net, "x", 3, 4, 1, "Relu"), 4, 4, 3, "Relu"),
        net.add("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
        net.add("MaxPool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    x = net.add("Concat", *parts, axis=1)
    return net.conv(x, 14, 4, (1, 1))


def super_resolution(net):
    x = net.add("PRelu", cbn(net, "x", 3, 8, 3), net.const(np.full((8, 1, 1), 0.25)))
    x = net.add("DepthToSpace", net.conv(x, 8, 12, (3, 3), pads=[1, 1, 1, 1]), blocksize=2, mode="CRD")
    base = net.add("Resize", "x", "", net.const([1.0, 1.0, 2.0, 2.0]), mode="nearest")
    return net.add("Clip", net.add("Add", x, base), net.const(-4.0), net.const(4.0))


# What each network costs: steps on the device, and how many of them are transposes.
NETWORKS = {
    mobilenet_v3: (15, 0),
    efficientnet: (16, 0),
    shufflenet: (9, 1),
    unet: (8, 0),
    yolo: (18, 1),
    keras: (6, 0),
    temporal: (22, 0),
    mixer: (13, 2),
    densenet: (9, 0),
    inception: (9, 0),
    super_resolution: (6, 1),
}
INPUTS = {keras: {"image": (1, 16, 16, 3)}, temporal: {"signal": (1, 4, 24)}}


def make(build):
    """The model of a network."""
    net = Net(13 if build is not mixer else 20, **INPUTS.get(build, {"x": IMAGE}))
    return net.model(build(net))
