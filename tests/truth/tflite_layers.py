"""Networks of one layer, at random and at the ends of ranges, for TensorFlow Lite Micro to run."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from mcuq.ir.integer import Requant, Rounding, requant
from tests.builders import mixed_codes
from tests.truth.cases import tie_values
from tests.truth.tflite import NO_ACTIVATION, RELU6, SAME, VALID, Layer, Network, TensorInfo

SAMPLES = 6
CODES = np.arange(-128, 128, dtype=np.int8)


@dataclasses.dataclass(frozen=True, eq=False)
class LayerCase:
    """A network of one layer and the codes of its inputs, `[samples, *shape]`."""

    network: Network
    xs: list[np.ndarray]


def make_case(kind: str, options: dict, tensors: list[TensorInfo], output: TensorInfo, xs=None) -> LayerCase:
    """The network, with random inputs if none are given."""
    count = len(tensors)
    inputs = tuple(index for index, tensor in enumerate(tensors) if tensor.data is None)
    layer = Layer(kind, options, tuple(range(count)), count)
    network = Network((*tensors, output), (layer,), inputs, (count,))
    if xs is None:
        rng = np.random.default_rng(sum(sum(tensor.shape) for tensor in tensors))
        xs = [mixed_codes(rng, tensors[i].shape, tensors[i].zero_point, SAMPLES) for i in inputs]
    return LayerCase(network, xs)


def exactly(scale) -> tuple[float, ...]:
    """Scales as float32 holds them."""
    return tuple(float(np.float32(s)) for s in np.atleast_1d(scale))


def zero_point(rng) -> int:
    return int(rng.choice([-128, 127, 0, rng.integers(-128, 128), rng.integers(-128, 128)]))


def activation(rng, shape, scale=None) -> TensorInfo:
    """An activation tensor; its scale is often a power of two, for ties."""
    if scale is None:
        scale = 2.0 ** (rng.integers(-8, 2) if rng.random() < 0.3 else rng.uniform(-8, 2))
    return TensorInfo(tuple(int(n) for n in shape), "int8", exactly(scale), zero_point(rng))


def _fused(rng) -> int:
    return int(rng.choice([NO_ACTIVATION, NO_ACTIVATION, 1, 2, RELU6]))


def _weights(rng, shape, axis: int, x: TensorInfo, per_channel: bool) -> list[TensorInfo]:
    """Weights and bias; their channels are along `axis`."""
    channels = shape[axis]
    count = channels if per_channel else 1
    scale = exactly(2.0 ** rng.uniform(-10, -4, count))
    codes = rng.integers(-127, 128, shape)
    codes = np.where(rng.random(shape) < 0.1, np.sign(codes) * 127, codes)
    bias = rng.integers(-3000, 3000, channels) * rng.choice([0, 1, 30], channels)
    return [
        TensorInfo(tuple(shape), "int8", scale, 0, axis if count > 1 else None, codes.astype(np.int8)),
        TensorInfo((channels,), "int32", exactly(np.array(scale) * x.scale[0]), 0, 0, bias.astype(np.int32)),
    ]


def _output_for(rng, shape, x: TensorInfo, w: TensorInfo, taps: int) -> TensorInfo:
    """Sums mostly fill int8; sometimes they saturate or vanish."""
    typical = 60.0 * np.sqrt(taps) * x.scale[0] * max(w.scale)
    return activation(rng, shape, typical * rng.choice([1.0, 1.0, 1.0, 0.25, 2.0**-9, 2.0**7]))


def _image(rng, channels: int) -> tuple[int, ...]:
    return (int(rng.choice([1, 1, 2])), *(int(n) for n in rng.integers(1, 11, 2)), channels)


def _view(rng, image, dilations: bool) -> tuple[dict, tuple[int, int], tuple[int, int]]:
    """Options, kernel and output size of a window that TensorFlow Lite can make."""
    while True:
        kernel = tuple(int(k) for k in rng.choice([1, 2, 3, 3, 5], 2))
        stride = tuple(int(s) for s in rng.choice([1, 1, 2, 3], 2))
        dilation = tuple(int(d) for d in rng.choice([1, 1, 2, 3], 2)) if dilations else (1, 1)
        padding = int(rng.choice([SAME, VALID]))
        reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        room = [n if padding == SAME else n - r + 1 for n, r in zip(image[1:3], reach, strict=True)]
        if min(room) > 0:
            break
    options = {"padding": padding, "strideH": stride[0], "strideW": stride[1]}
    if dilations:
        options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    options["fusedActivationFunction"] = _fused(rng)
    return options, kernel, tuple(-(-n // s) for n, s in zip(room, stride, strict=True))


def conv_2d(rng) -> LayerCase:
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    depth = int(rng.choice([1, 2, 3, 4, 8, 16, 64])) if groups == 1 else 3
    x = activation(rng, _image(rng, groups * depth))
    options, kernel, size = _view(rng, x.shape, dilations=True)
    filters = groups * int(rng.integers(1, 9))
    w, b = _weights(rng, (filters, *kernel, depth), 0, x, rng.random() < 0.8)
    y = _output_for(rng, (x.shape[0], *size, filters), x, w, kernel[0] * kernel[1] * depth)
    return make_case("CONV_2D", options, [x, w, b], y)


def depthwise_conv_2d(rng) -> LayerCase:
    x = activation(rng, _image(rng, int(rng.choice([1, 2, 3, 4, 8, 17]))))
    options, kernel, size = _view(rng, x.shape, dilations=True)
    options["depthMultiplier"] = int(rng.choice([1, 1, 1, 2, 4]))
    channels = x.shape[3] * options["depthMultiplier"]
    w, b = _weights(rng, (1, *kernel, channels), 3, x, rng.random() < 0.8)
    y = _output_for(rng, (x.shape[0], *size, channels), x, w, kernel[0] * kernel[1])
    return make_case("DEPTHWISE_CONV_2D", options, [x, w, b], y)


def fully_connected(rng) -> LayerCase:
    x = activation(rng, (rng.choice([1, 1, 3]), rng.choice([1, 2, 7, 16, 64, 513, 514, 2000])))
    channels = int(rng.integers(1, 20))
    w, b = _weights(rng, (channels, x.shape[1]), 0, x, rng.random() < 0.5)
    y = _output_for(rng, (x.shape[0], channels), x, w, x.shape[1])
    return make_case("FULLY_CONNECTED", {"fusedActivationFunction": _fused(rng)}, [x, w, b], y)


def _pool(kind: str, rng) -> LayerCase:
    x = activation(rng, _image(rng, int(rng.choice([1, 2, 3, 8, 17]))))
    options, kernel, size = _view(rng, x.shape, dilations=False)
    options |= {"filterHeight": kernel[0], "filterWidth": kernel[1]}
    y = dataclasses.replace(x, shape=(x.shape[0], *size, x.shape[3]))
    return make_case(kind, options, [x], y)


def max_pool_2d(rng) -> LayerCase:
    return _pool("MAX_POOL_2D", rng)


def average_pool_2d(rng) -> LayerCase:
    return _pool("AVERAGE_POOL_2D", rng)


def mean(rng) -> LayerCase:
    """Over 2^n pixels: for other counts TensorFlow Lite cuts the multiplier off, where mcuq rounds it."""
    x = activation(rng, (1, 2 ** rng.integers(0, 4), 2 ** rng.integers(0, 4), rng.integers(1, 20)))
    y = activation(rng, (1, 1, 1, x.shape[3]), x.scale[0] * 2.0 ** rng.uniform(-3, 1))
    axes = TensorInfo((2,), "int32", (), 0, None, np.array([1, 2], np.int32))
    return make_case("MEAN", {"keepDims": True}, [x, axes], y)


def _nearly(rng, scale: float) -> float:
    """A scale that is a power of two away but for its last bits: whether results tie hangs on these."""
    return scale * 2.0 ** rng.integers(0, 4) * (1 + rng.choice([-1, 1]) * 2.0 ** -rng.integers(14, 24))


def quantize(rng) -> LayerCase:
    """Every code."""
    x = activation(rng, (256,))
    scale = rng.choice([x.scale[0] * 2.0 ** rng.uniform(-4, 4), _nearly(rng, x.scale[0])])
    return make_case("QUANTIZE", {}, [x], activation(rng, (256,), scale), [CODES[None]])


def _arithmetic(kind: str, rng) -> LayerCase:
    """Every pair of codes, or operands that are broadcast."""
    shapes = [(256, 256), (256, 256)]
    if rng.random() < 0.3:
        shapes = [(2, 4, 3, 6), [(6,), (1, 1, 1, 6), (2, 1, 1, 6), (2, 4, 3, 1), (1,)][rng.integers(5)]]
    a, b = (activation(rng, shape) for shape in shapes)
    larger = a.scale[0] * b.scale[0] if kind == "MUL" else max(*a.scale, *b.scale)
    y_scale = larger * 2.0 ** rng.choice([0, 1, -1, rng.uniform(-4, 9)])
    if rng.random() < 0.5:
        b = activation(rng, shapes[1], _nearly(rng, a.scale[0]))
        y_scale = _nearly(rng, a.scale[0] * (b.scale[0] if kind == "MUL" else 1.0))
    xs = None
    if shapes[1] == shapes[0]:
        xs = [np.repeat(CODES, 256).reshape(1, 256, 256), np.tile(CODES, 256).reshape(1, 256, 256)]
    options = {"fusedActivationFunction": _fused(rng)}
    return make_case(kind, options, [a, b], activation(rng, shapes[0], y_scale), xs)


def add(rng) -> LayerCase:
    return _arithmetic("ADD", rng)


def sub(rng) -> LayerCase:
    return _arithmetic("SUB", rng)


def mul(rng) -> LayerCase:
    return _arithmetic("MUL", rng)


def softmax(rng) -> LayerCase:
    scale = 2.0 ** (rng.uniform(-9, -2) if rng.random() < 0.7 else rng.uniform(-20, 6))
    shape = [(1, 1), (1, 2), (1, 10), (3, 12), (2, 3, 5), (1, int(rng.integers(2, 300)))][rng.integers(6)]
    return softmax_case(activation(rng, shape, scale))


def softmax_case(x: TensorInfo, xs=None, bits: int = 8) -> LayerCase:
    output = TensorInfo(x.shape, f"int{bits}", (2.0**-bits,), -(2 ** (bits - 1)))
    return make_case("SOFTMAX", {"beta": 1.0}, [x], output, xs)


def softmax_pairs(count: int):
    """Softmax of the largest code with every other one, in 16 bits."""
    rng = np.random.default_rng(count)
    rows = np.stack([np.full(256, 127, np.int8), CODES], axis=1)[None]
    for scale in exactly(2.0 ** rng.uniform(-10, 0, count)):
        yield softmax_case(TensorInfo((256, 2), "int8", (scale,)), [rows], 16)


RANDOM = {
    make.__name__.upper(): make
    for make in (
        *(add, average_pool_2d, conv_2d, depthwise_conv_2d, fully_connected, max_pool_2d),
        *(mean, mul, quantize, softmax, sub),
    )
}


def random_layers(kind: str, count: int):
    for index in range(count):
        yield RANDOM[kind](np.random.default_rng([index, *kind.encode()]))


def long_rows(length: int):
    """Tensors and rows for softmax, equal or nearly so: its sums and shifts are as large as they get."""
    rng = np.random.default_rng(length)
    rows = [np.full(length, code) for code in (-128, 0, 127)]
    rows += [rng.integers(127 - spread, 128, length) for spread in (1, 2, 5, 20, 255)]
    rows += [np.resize([127, 126], length), np.where(np.arange(length) == length // 2, 127, 120)]
    for scale in (2.0**-20, 1e-4, 2.0**-9, 0.0123, 2.0**-5, 0.1, 1.0):
        # One largest value, and all others so far below that the exponentials sum to about 512.
        distances = (math.ceil(math.log(max(length / total, 1.0)) / scale) for total in (510, 450, 300))
        peaks = [np.where(np.arange(length) == 7, 127, 127 - min(d, 255)) for d in distances]
        codes = np.stack([*rows, *peaks])[:, None].astype(np.int8)
        yield TensorInfo((1, length), "int8", exactly(scale), 3), codes


def tie_layers():
    """Weighted layers whose input is the zero point, so that their sums are the biases: ties."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = TensorInfo((1, 1, 1, 1), "int8", exactly((0.5, 0.0173, 0.25, 0.3)[seed]), (-128, 127, 5, 0)[seed])
        y = TensorInfo((1, 1, 1, 1500), "int8", exactly((1.0, 0.31, 0.0625, 0.7)[seed]))
        fraction = (0.0, rng.random(300), rng.random(300), 0.1)[seed]
        exponent = np.full(300, -20) if seed == 3 else rng.integers(-22, 1, 300)
        # The last layer has one scale for all its weights.
        scale = exactly(2.0 ** (exponent + fraction))
        pairs = requant(tuple(x.scale[0] * s / y.scale[0] for s in scale), Rounding.DOUBLE)
        scale = scale[:1] if seed == 3 else scale * 5
        b = _tie_bias(rng, pairs, np.array(scale) * x.scale[0])
        axis = None if seed == 3 else 0
        w = TensorInfo((1500, 1, 1, 1), "int8", scale, 0, axis, np.ones((1500, 1, 1, 1), np.int8))
        options = {"padding": VALID, "strideH": 1, "strideW": 1, "fusedActivationFunction": NO_ACTIVATION}
        xs = [np.full((1, 1, 1, 1, 1), x.zero_point, np.int8)]
        yield make_case("CONV_2D", options, [x, w, b], y, xs)
        yield _tie_linear(x, dataclasses.replace(w, shape=(1500, 1), data=w.data[:, :, 0, 0]), b, y)


def _tie_bias(rng, pairs: Requant, scale) -> TensorInfo:
    values = tie_values(rng, np.array(pairs.multiplier), np.array(pairs.shift))
    bias = np.concatenate(values).astype(np.int32)
    return TensorInfo(bias.shape, "int32", exactly(scale), 0, None, bias)


def _tie_linear(x: TensorInfo, w: TensorInfo, b: TensorInfo, y: TensorInfo) -> LayerCase:
    """The input is the zero point."""
    x, y = dataclasses.replace(x, shape=(1, 1)), dataclasses.replace(y, shape=(1, len(w.data)))
    options = {"fusedActivationFunction": NO_ACTIVATION}
    return make_case("FULLY_CONNECTED", options, [x, w, b], y, [np.full((1, 1, 1), x.zero_point, np.int8)])
