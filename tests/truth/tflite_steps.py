"""The steps of mcuq for a layer of a TensorFlow Lite file, made by mcuq's own lowering."""

from __future__ import annotations

import math

import numpy as np

from mcuq.ir.integer import Rounding
from mcuq.ir.op import Clamp, Operand
from mcuq.ir.program import StepOp
from mcuq.ir.types import DType, QuantParams
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Requantize
from mcuq.ops.unary import Clip
from mcuq.ops.window import Window
from tests.truth.tflite import NO_ACTIVATION, RELU, RELU6, RELU_N1_TO_1, SAME, Layer, Network, TensorInfo

CLAMPS = {
    NO_ACTIVATION: Clamp(),
    RELU: Clamp(0.0, math.inf),
    RELU_N1_TO_1: Clamp(-1.0, 1.0),
    RELU6: Clamp(0.0, 6.0),
}


def run_steps(network: Network, layer: Layer, values: dict[int, np.ndarray]) -> np.ndarray:
    """What mcuq computes for a layer from its inputs' codes, `[samples, *shape]`."""
    xs = [values[index] for index in layer.inputs if index in values]
    if layer.kind == "RESHAPE":
        return xs[0].reshape(len(xs[0]), *network.tensors[layer.output].shape)
    if layer.kind == "FULLY_CONNECTED":
        xs[0] = xs[0].reshape(len(xs[0]), -1, network.tensors[layer.inputs[1]].shape[1])
    for step in steps_of(network, layer):
        xs = [step.run(*xs)]
    return xs[0]


def steps_of(network: Network, layer: Layer) -> list[StepOp]:
    """The steps for a layer, one after the other."""
    tensors = [network.tensors[index] for index in layer.inputs if index >= 0]
    output = network.tensors[layer.output]
    return _MAKERS[layer.kind](layer.options, tensors, output)


def operand(info: TensorInfo, *, axis: int | None = None, data: np.ndarray | None = None) -> Operand:
    """A tensor as mcuq's lowering sees it; `data` takes the place of the file's."""
    codes = info.data if data is None else data
    per_channel = len(info.scale) > 1
    quant = QuantParams(info.scale, info.zero_point, DType(info.dtype), axis if per_channel else None)
    return Operand(info.shape if codes is None else codes.shape, quant, codes)


def _clamp(options) -> Clamp:
    return CLAMPS[options["fusedActivationFunction"]]


def _window(options, image, kernel) -> Window:
    """SAME puts the odd row or column of padding below and to the right."""
    strides = (options["strideH"], options["strideW"])
    dilations = (options.get("dilationHFactor", 1), options.get("dilationWFactor", 1))
    before, after = [0, 0], [0, 0]
    if options["padding"] == SAME:
        for axis in range(2):
            size, stride = image[1 + axis], strides[axis]
            reach = dilations[axis] * (kernel[axis] - 1) + 1
            total = max((-(-size // stride) - 1) * stride + reach - size, 0)
            before[axis], after[axis] = total // 2, total - total // 2
    return Window(kernel, strides, (*before, *after), dilations)


def _weighted(x: TensorInfo, w: TensorInfo, b: TensorInfo, weights: np.ndarray) -> list[Operand]:
    return [operand(x), operand(w, axis=0, data=weights), operand(b, axis=0)]


def _conv(options, tensors, output) -> list[StepOp]:
    x, w, b = tensors
    op = Conv2d(_window(options, x.shape, w.shape[1:3]), x.shape[3] // w.shape[3], _clamp(options))
    return [op.lower(_weighted(x, w, b, w.data), operand(output), Rounding.DOUBLE)]


def _depthwise(options, tensors, output) -> list[StepOp]:
    """A single input channel is a dense convolution for mcuq."""
    x, w, b = tensors
    op = Conv2d(_window(options, x.shape, w.shape[1:3]), x.shape[3], _clamp(options))
    weights = w.data.transpose(3, 1, 2, 0)
    return [op.lower(_weighted(x, w, b, weights), operand(output), Rounding.DOUBLE)]


def _linear(options, tensors, output) -> list[StepOp]:
    x, w, b = tensors
    return [Linear(_clamp(options)).lower(_weighted(x, w, b, w.data), operand(output), Rounding.DOUBLE)]


def _arithmetic(op_of_clamp):
    def make(options, tensors, output) -> list[StepOp]:
        inputs = [operand(tensor) for tensor in tensors]
        return [op_of_clamp(_clamp(options)).lower(inputs, operand(output), Rounding.DOUBLE)]

    return make


def _pool(kind):
    def make(options, tensors, output) -> list[StepOp]:
        """mcuq keeps a fused activation as a step of its own."""
        (x,) = tensors
        kernel = (options["filterHeight"], options["filterWidth"])
        step = kind(_window(options, x.shape, kernel)).lower([operand(x)], operand(output), Rounding.DOUBLE)
        clip = Clip(_clamp(options)).lower([operand(output)], operand(output), Rounding.DOUBLE)
        return [step, clip]

    return make


def _mean(options, tensors, output) -> list[StepOp]:
    """Over the whole image."""
    x, _ = tensors
    return [Mean(Window(x.shape[1:3])).lower([operand(x)], operand(output), Rounding.DOUBLE)]


def _softmax(options, tensors, output) -> list[StepOp]:
    assert options["beta"] == 1.0
    op = Softmax()
    if output.dtype == "int8":
        assert (output.scale, output.zero_point) == (op.fixed_params().scale, op.fixed_params().zero_point)
    return [op.lower([operand(tensors[0])], operand(output), Rounding.DOUBLE)]


def _quantize(options, tensors, output) -> list[StepOp]:
    return [Requantize().lower([operand(tensors[0])], operand(output), Rounding.DOUBLE)]


_MAKERS = {
    "ADD": _arithmetic(Add),
    "AVERAGE_POOL_2D": _pool(AveragePool),
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _linear,
    "MAX_POOL_2D": _pool(MaxPool),
    "MEAN": _mean,
    "MUL": _arithmetic(Mul),
    "QUANTIZE": _quantize,
    "SOFTMAX": _softmax,
    "SUB": _arithmetic(lambda clamp: Add(clamp, is_subtraction=True)),
}
