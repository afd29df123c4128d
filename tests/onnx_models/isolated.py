"""One operator or block at a time, as exporters write them, on inputs of unit variance."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx

from mcuq.calibrate.data import Samples
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import Measured
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.measure import Wanted, observe
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.onnx_models.checked import sqnr_db
from tests.small_models import Net, run, save

Build = Callable[[], onnx.ModelProto]
SAMPLES = 16


def measured_db(build: Build) -> float:
    """Signal to noise at int8 in and out, calibrated by the defaults on the very samples, in decibels."""
    model = build()
    with tempfile.TemporaryDirectory() as folder:
        graph = canonicalize(read(save(model, Path(folder))).graph)
    rng = np.random.default_rng(3)
    shapes = {port.name: (SAMPLES, *port.model_shape) for port in graph.inputs}
    feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    samples, options = Samples.from_arrays(feeds), QuantOptions()
    seen = observe(graph, samples, options, Wanted(fits_weights=True))
    calibrated = Measured(graph, seen.ranges, "0" * 64, (), samples, seen.reference)
    program = compile_model(calibrated, options).program
    found = dequantize_outputs(program, simulate_program(program, quantize_inputs(program, feeds)))
    data = model.SerializeToString()
    rows = [run(data, {name: array[i] for name, array in feeds.items()}) for i in range(SAMPLES)]
    (name,) = found
    return sqnr_db(np.stack([row[name] for row in rows]), found[name])


def _ints(net: Net, *values: int) -> str:
    return net.const(np.array(values, np.int64))


def _number(net: Net, value: float) -> str:
    return net.const(np.float32(value))


def _gain(net: Net, count: int) -> str:
    return net.const(net.rng.uniform(0.5, 1.5, count).astype(np.float32))


def layer_normalization() -> onnx.ModelProto:
    net = Net(17, x=(1, 16, 64))
    return net.model(net.add("LayerNormalization", "x", _gain(net, 64), net.random(64), axis=-1))


def group_normalization() -> onnx.ModelProto:
    net = Net(21, x=(1, 16, 8, 8))
    y = net.add("GroupNormalization", "x", _gain(net, 16), net.random(16), num_groups=4)
    return net.model(y)


def instance_normalization() -> onnx.ModelProto:
    net = Net(17, x=(1, 8, 10, 10))
    return net.model(net.add("InstanceNormalization", "x", _gain(net, 8), net.random(8)))


def rms_normalization() -> onnx.ModelProto:
    net = Net(23, x=(1, 16, 64))
    return net.model(net.add("RMSNormalization", "x", _gain(net, 64), axis=-1))


def lp_normalization() -> onnx.ModelProto:
    net = Net(17, x=(16, 64))
    return net.model(net.add("LpNormalization", "x", axis=-1, p=2))


def softmax() -> onnx.ModelProto:
    net = Net(17, x=(16, 10))
    return net.model(net.add("Softmax", "x", axis=-1))


def log_softmax() -> onnx.ModelProto:
    net = Net(17, x=(16, 100))
    return net.model(net.add("LogSoftmax", "x", axis=-1))


def gelu(net: Net, x: str) -> str:
    """The exact form, as PyTorch writes it before opset 20."""
    y = net.add("Erf", net.add("Div", x, _number(net, math.sqrt(2.0))))
    y = net.add("Mul", x, net.add("Add", y, _number(net, 1.0)))
    return net.add("Mul", y, _number(net, 0.5))


def gelu_by_erf() -> onnx.ModelProto:
    net = Net(17, x=(1, 16, 64))
    return net.model(gelu(net, "x"))


def gelu_by_tanh() -> onnx.ModelProto:
    net = Net(17, x=(1, 16, 64))
    cube = net.add("Mul", net.add("Mul", "x", net.add("Mul", "x", "x")), _number(net, 0.044715))
    y = net.add("Mul", net.add("Add", "x", cube), _number(net, math.sqrt(2.0 / math.pi)))
    y = net.add("Add", net.add("Tanh", y), _number(net, 1.0))
    return net.model(net.add("Mul", net.add("Mul", "x", _number(net, 0.5)), y))


def silu() -> onnx.ModelProto:
    net = Net(17, x=(1, 16, 64))
    return net.model(net.add("Mul", "x", net.add("Sigmoid", "x")))


def attention(tokens: int, size: int) -> Build:
    """Weights of values by the products of queries and keys, all three of them inputs."""

    def build() -> onnx.ModelProto:
        net = Net(17, **dict.fromkeys("qkv", (1, tokens, size)))
        scores = net.add("MatMul", "q", net.add("Transpose", "k", perm=[0, 2, 1]))
        scores = net.add("Div", scores, _number(net, math.sqrt(size)))
        return net.model(net.add("MatMul", net.add("Softmax", scores, axis=-1), "v"))

    return build


def _linear(net: Net, x: str, inputs: int, outputs: int) -> str:
    weights = net.const((net.rng.standard_normal((inputs, outputs)) / math.sqrt(inputs)).astype(np.float32))
    bias = net.const((0.1 * net.rng.standard_normal(outputs)).astype(np.float32))
    return net.add("Add", net.add("MatMul", x, weights), bias)


def scaled_dot_product(net: Net, x: str, tokens: int, size: int, heads: int) -> str:
    """Several heads as PyTorch exports scaled_dot_product_attention: the scale's root on both factors."""
    split, parts = _ints(net, 1, tokens, heads, size // heads), []
    for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        each = net.add("Reshape", _linear(net, x, size, size), split)
        parts.append(net.add("Transpose", each, perm=perm))
    root = (size // heads) ** -0.25
    q, k = (net.add("Mul", each, _number(net, root)) for each in parts[:2])
    y = net.add("MatMul", net.add("Softmax", net.add("MatMul", q, k), axis=-1), parts[2])
    y = net.add("Reshape", net.add("Transpose", y, perm=[0, 2, 1, 3]), _ints(net, 1, tokens, size))
    return _linear(net, y, size, size)


def heads_of_scaled_dot_product() -> onnx.ModelProto:
    net = Net(17, x=(1, 50, 64))
    return net.model(scaled_dot_product(net, "x", 50, 64, 4))


def heads_of_one_projection() -> onnx.ModelProto:
    """As PyTorch exports MultiheadAttention: one projection for all, tokens first, heads as a batch."""
    tokens, size, heads = 50, 64, 4
    net = Net(17, x=(tokens, 1, size))
    y = net.add("Reshape", _linear(net, "x", size, 3 * size), _ints(net, tokens, 1, 3, size))
    y = net.add("Transpose", net.add("Unsqueeze", y, _ints(net, 0)), perm=[3, 1, 2, 0, 4])
    y = net.add("Squeeze", y, _ints(net, -2))
    parts = []
    for index in range(3):
        each = net.add("Gather", y, net.const(np.array(index, np.int64)), axis=0)
        each = net.add("Reshape", each, _ints(net, tokens, heads, size // heads))
        parts.append(net.add("Transpose", each, perm=[1, 0, 2]))
    q = net.add("Mul", parts[0], _number(net, (size // heads) ** -0.5))
    scores = net.add("MatMul", q, net.add("Transpose", parts[1], perm=[0, 2, 1]))
    y = net.add("MatMul", net.add("Softmax", scores, axis=-1), parts[2])
    y = net.add("Reshape", net.add("Transpose", y, perm=[1, 0, 2]), _ints(net, tokens, size))
    return net.model(net.add("Reshape", _linear(net, y, size, size), _ints(net, tokens, 1, size)))


# What is measured, and the least signal to noise in decibels.
BLOCKS: Mapping[str, tuple[Build, float]] = {
    "LayerNormalization of 64": (layer_normalization, 35.0),
    "GroupNormalization, 4 groups of 256": (group_normalization, 35.0),
    "InstanceNormalization of 100": (instance_normalization, 35.0),
    "RMSNormalization of 64": (rms_normalization, 35.0),
    "LpNormalization of 64": (lp_normalization, 35.0),
    "Softmax of 10": (softmax, 32.0),
    "LogSoftmax of 100": (log_softmax, 40.0),
    "GELU, by erf": (gelu_by_erf, 35.0),
    "GELU, by tanh": (gelu_by_tanh, 35.0),
    "SiLU": (silu, 35.0),
    "attention, 16 tokens of 16": (attention(16, 16), 33.0),
    "attention, 64 tokens of 32": (attention(64, 32), 32.0),
    "attention, 600 tokens of 16": (attention(600, 16), 31.0),
    "attention, 4 heads and projections, scaled_dot_product_attention": (heads_of_scaled_dot_product, 30.0),
    "attention, 4 heads and projections, MultiheadAttention": (heads_of_one_projection, 30.0),
}
