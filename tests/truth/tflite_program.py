"""Programs as TensorFlow Lite networks, for the package tflite-micro to run.

Programs hold integers only: the scales that a file needs are found again from the multipliers.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.integer import Requant, Rounding, quantize_multiplier, round_half_away
from mcuq.ir.program import Program, Step
from mcuq.ops.window import Window
from tests.truth.tflite import NO_ACTIVATION, RELU, RELU6, SAME, VALID, Layer, Network, TensorInfo


class NoTwinError(Exception):
    """TensorFlow Lite has no layer that computes the same; the message says why."""


def network_of(program: Program) -> Network:
    """A network whose first tensors are the program's, with layers that have to compute the same codes.

    Raises:
        NoTwinError: where a step has no such layer.
    """
    if program.rounding is not Rounding.DOUBLE:
        raise NoTwinError(f"the rounding is {program.rounding.value}")
    writer = _Writer(program)
    for step in program.steps:
        if step.op.kind not in _STEPS:
            raise NoTwinError(f"step {step.name!r} is {step.op.kind}")
        inputs = [writer.view(tensor) for tensor in step.inputs]
        _STEPS[step.op.kind](writer, step, inputs)
        writer.origin[program.storage(step.output)] = step.output
    ports = [tuple(port.tensor for port in side) for side in (program.inputs, program.outputs)]
    return Network(tuple(writer.tensors), tuple(writer.layers), *ports)


class _Writer:
    """Collects tensors and layers; `origin` is the tensor that was computed for each storage."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.tensors = [
            TensorInfo(t.shape, t.quant.dtype.value, t.quant.scale, t.quant.zero_point)
            for t in program.tensors
        ]
        self.layers: list[Layer] = []
        self.origin = {program.storage(port.tensor): port.tensor for port in program.inputs}

    def tensor(self, info: TensorInfo) -> int:
        self.tensors.append(info)
        return len(self.tensors) - 1

    def integers(self, values) -> int:
        data = np.array(values, np.int32)
        return self.tensor(TensorInfo(data.shape, "int32", data=data))

    def layer(self, kind: str, options: dict, inputs: list[int], output: int) -> int:
        self.layers.append(Layer(kind, options, tuple(inputs), output))
        return output

    def view(self, tensor: int) -> int:
        """The tensor, made by a reshape where another shape of it was computed."""
        origin = self.origin[self.program.storage(tensor)]
        return tensor if tensor == origin else self.reshape(origin, tensor)

    def reshape(self, source: int, output: int) -> int:
        if any(layer.output == output for layer in self.layers):
            return output
        return self.layer("RESHAPE", {}, [source, self.integers(self.tensors[output].shape)], output)

    def pad(self, x: int, window: Window) -> int:
        """The image with the window's border of zero points around it."""
        top, left, bottom, right = window.pads
        n, h, w, c = self.tensors[x].shape
        info = dataclasses.replace(self.tensors[x], shape=(n, h + top + bottom, w + left + right, c))
        border = self.integers([[0, 0], [top, bottom], [left, right], [0, 0]])
        return self.layer("PAD", {}, [x, border], self.tensor(info))


def _fused(op, y: TensorInfo) -> int:
    """The activation with these limits, as TensorFlow Lite computes them."""
    lowest = max(-128, y.zero_point)
    six = y.zero_point + round_half_away(float(np.float32(6.0) / np.float32(y.scale[0])))
    limits = {NO_ACTIVATION: (-128, 127), RELU: (lowest, 127), RELU6: (lowest, min(127, six))}
    for activation, found in limits.items():
        if found == (op.lo, op.hi):
            return activation
    raise NoTwinError(f"codes are clamped to [{op.lo}, {op.hi}]")


def _weight_scales(x_scale: float, y_scale: float, scale: Requant) -> tuple[float, ...]:
    """The float32 scales that give these multipliers; multipliers have more bits, so they tell all."""
    pairs = list(zip(scale.multiplier, scale.shift, strict=True))
    scales = [float(np.float32(m * 2.0 ** (shift - 31) * y_scale / x_scale)) for m, shift in pairs]
    if [quantize_multiplier(x_scale * s / y_scale) for s in scales] != pairs:
        raise NoTwinError("no scales of weights give these multipliers")
    return tuple(scales)


def _weights(writer: _Writer, step: Step, x: int, weights, axis: int) -> list[int]:
    """Input, weights with their channels along `axis`, and bias."""
    params, info, y = step.op.params, writer.tensors[x], writer.tensors[step.output]
    assert (params.x_zero_point, params.y_zero_point) == (info.zero_point, y.zero_point)
    scales = _weight_scales(info.scale[0], y.scale[0], params.requant)
    sums = tuple(float(np.float32(info.scale[0] * s)) for s in scales)
    w = TensorInfo(weights.shape, "int8", scales, 0, axis if len(scales) > 1 else None, weights)
    b = TensorInfo(params.bias.shape, "int32", sums, 0, 0 if len(scales) > 1 else None, params.bias)
    return [x, writer.tensor(w), writer.tensor(b)]


def _window(writer: _Writer, window: Window, x: int) -> tuple[dict, int]:
    """Options, and the input, with a border of its own where the window's is not TensorFlow Lite's."""
    options = {"strideH": window.strides[0], "strideW": window.strides[1], "padding": VALID}
    if any(window.pads):
        if window.pads == _same_pads(window, writer.tensors[x].shape):
            options["padding"] = SAME
        else:
            x = writer.pad(x, window)
    return options, x


def _same_pads(window: Window, image) -> tuple[int, int, int, int]:
    """The border of SAME padding: the odd row or column is below and to the right."""
    totals = []
    for axis in range(2):
        stride, size = window.strides[axis], image[1 + axis]
        reach = window.dilations[axis] * (window.kernel[axis] - 1) + 1
        totals.append(max((-(-size // stride) - 1) * stride + reach - size, 0))
    h, w = totals
    return (h // 2, w // 2, h - h // 2, w - w // 2)


def _dilations(window: Window) -> dict:
    return {"dilationHFactor": window.dilations[0], "dilationWFactor": window.dilations[1]}


def _conv(writer: _Writer, step: Step, xs: list[int]) -> None:
    options, x = _window(writer, step.op.window, xs[0])
    options |= _dilations(step.op.window)
    options["fusedActivationFunction"] = _fused(step.op.params, writer.tensors[step.output])
    weights = step.op.params.weights
    writer.layer("CONV_2D", options, _weights(writer, step, x, weights, 0), step.output)


def _depthwise(writer: _Writer, step: Step, xs: list[int]) -> None:
    options, x = _window(writer, step.op.window, xs[0])
    weights = np.ascontiguousarray(step.op.params.weights.transpose(3, 1, 2, 0))
    options |= _dilations(step.op.window)
    options["depthMultiplier"] = weights.shape[3] // writer.tensors[x].shape[3]
    options["fusedActivationFunction"] = _fused(step.op.params, writer.tensors[step.output])
    writer.layer("DEPTHWISE_CONV_2D", options, _weights(writer, step, x, weights, 3), step.output)


def _linear(writer: _Writer, step: Step, xs: list[int]) -> None:
    options = {"fusedActivationFunction": _fused(step.op.params, writer.tensors[step.output])}
    inputs = _weights(writer, step, xs[0], step.op.params.weights, 0)
    writer.layer("FULLY_CONNECTED", options, inputs, step.output)


def _add(writer: _Writer, step: Step, xs: list[int]) -> None:
    options = {"fusedActivationFunction": _fused(step.op, writer.tensors[step.output])}
    writer.layer("SUB" if step.op.is_subtraction else "ADD", options, xs, step.output)


def _softmax(writer: _Writer, step: Step, xs: list[int]) -> None:
    writer.layer("SOFTMAX", {"beta": 1.0}, xs, step.output)


def _mean(writer: _Writer, step: Step, xs: list[int]) -> None:
    """A depthwise sum: TensorFlow Lite's own mean cuts its multiplier off, where mcuq's is rounded.

    Its one multiplier is a product of two scales that are free: the weights', and the input's behind a
    reshape that copies codes under another scale.
    """
    y, source = writer.tensors[step.output], writer.tensors[xs[0]]
    x_scale, w_scale = _factors(step.op.requant, y.scale[0])
    x = writer.tensor(dataclasses.replace(source, scale=(x_scale,)))
    writer.reshape(xs[0], x)
    channels = source.shape[3]
    ones = np.ones((1, *step.op.window.kernel, channels), np.int8)
    w = writer.tensor(TensorInfo(ones.shape, "int8", (w_scale,), 0, None, ones))
    zeros = np.zeros(channels, np.int32)
    b = writer.tensor(TensorInfo((channels,), "int32", (float(np.float32(x_scale * w_scale)),), data=zeros))
    options, x = _window(writer, step.op.window, x)
    options |= _dilations(step.op.window)
    options |= {"depthMultiplier": 1, "fusedActivationFunction": _fused(step.op, y)}
    writer.layer("DEPTHWISE_CONV_2D", options, [x, w, b], step.output)


def _factors(scale: Requant, y_scale: float) -> tuple[float, float]:
    """Two float32 scales whose product, over `y_scale`, has this multiplier."""
    (pair,) = zip(scale.multiplier, scale.shift, strict=True)
    product = pair[0] * 2.0 ** (pair[1] - 31) * y_scale
    for tries in range(1 << 16):
        w_scale = float(np.float32(1 + tries * 2.0**-23))
        x_scale = float(np.float32(product / w_scale))
        if quantize_multiplier(x_scale * w_scale / y_scale) == pair:
            return x_scale, w_scale
    raise NoTwinError("no two scales give this multiplier")


_STEPS = {
    "add": _add,
    "conv2d": _conv,
    "depthwise_conv2d": _depthwise,
    "linear": _linear,
    "mean": _mean,
    "softmax": _softmax,
}
