"""Random networks of the layers that are easily forgotten: odd windows, few channels, broadcasts, copies."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Rng: TypeAlias = np.random.Generator

OPSET = 17
SAMPLES = 8
MOST_ELEMS = 12_288
MOST_WEIGHTS = 24_576
MOST_MACS = 1_500_000
LAYERS = (3, 6)
TRIES = 40


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A network.

    Args:
        name: its C name.
        model: the graph, one input `x` of a batch of 1.
        data: float32 `[n, *model shape]` to calibrate with.
    """

    name: str
    model: onnx.ModelProto
    data: Mapping[str, NDArray[np.float32]]


class _Chain:
    """Layers one behind the other; the last one's output is `at`, `[1, C, *spatial]`."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.shape = _draw_shape(rng)
        self.input = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.shape)
        self.at = "x"

    @property
    def channels(self) -> int:
        return self.shape[1]

    @property
    def size(self) -> tuple[int, ...]:
        return self.shape[2:]

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def each_axis(self, *choices: int) -> list[int]:
        """One choice for each axis of the image, half of the time the same for all."""
        drawn = [self.pick(*choices) for _ in self.size]
        return drawn[:1] * len(drawn) if self.rng.random() < 0.5 else drawn

    def constant(self, values: NDArray[np.generic]) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def floats(self, *shape: int, scale: float = 1.0) -> str:
        return self.constant(np.float32(self.rng.normal(size=shape) * scale))

    def node(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def add(self, shape: tuple[int, ...], operator: str, *inputs: str, **attributes: object) -> bool:
        """A node whose output is the chain's end; False where it would be too large."""
        if min(shape) < 1 or math.prod(shape) > MOST_ELEMS:
            return False
        self.at = self.node(operator, *inputs, **attributes)
        self.shape = shape
        return True

    def model(self) -> onnx.ModelProto:
        output = helper.make_tensor_value_info(self.at, onnx.TensorProto.FLOAT, self.shape)
        graph = helper.make_graph(self.nodes, "drawn", [self.input], [output], self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def draw_network(seed: int) -> Drawn:
    """The network of a seed, which is the same everywhere and for ever."""
    rng = np.random.default_rng([12, seed])
    chain = _Chain(rng)
    planned = int(rng.integers(LAYERS[0], LAYERS[1] + 1))
    tries = iter(range(TRIES))
    while len(chain.nodes) < planned and next(tries, None) is not None:
        _LAYERS[rng.integers(len(_LAYERS))](chain)
    if not chain.nodes:
        chain.add(chain.shape, "Sigmoid", chain.at)
    data = np.float32(rng.normal(size=(SAMPLES, *chain_input_shape(chain))))
    return Drawn(f"drawn{seed}", chain.model(), {"x": data})


def chain_input_shape(chain: _Chain) -> tuple[int, ...]:
    """Of one sample, with its batch axis."""
    return tuple(axis.dim_value for axis in chain.input.type.tensor_type.shape.dim)


def _draw_shape(rng: Rng) -> tuple[int, ...]:
    channels = int(rng.choice([1, 1, 2, 3, 3, 4, 5, 6, 8, 10, 13, 16, 24, 30, 32]))
    if rng.random() < 0.3:
        return 1, channels, int(rng.integers(16, 200))
    most = max(7, min(32, math.isqrt(MOST_ELEMS // 2 // channels)))
    h, w = (int(n) for n in rng.integers(6, most + 1, 2))
    return 1, channels, h, w


def _windows(
    chain: _Chain, kernel: list[int], stride: list[int], dilation: list[int]
) -> tuple[list[int], tuple[int, ...]]:
    """Pads that keep the size, or fewer, and how many windows there are."""
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    part = chain.pick(0, 1, 1, 1)
    before, behind = [part * (e // 2) for e in extent], [part * ((e - 1) // 2) for e in extent]
    padded = [size + a + b for size, a, b in zip(chain.size, before, behind, strict=True)]
    count = [(n - e) // s + 1 if n >= e else 0 for n, e, s in zip(padded, extent, stride, strict=True)]
    return before + behind, tuple(count)


def _conv(chain: _Chain, kernel: list[int], dilation: list[int], groups: int, filters: int) -> bool:
    stride = chain.each_axis(1, 1, 1, 2, 3)
    pads, count = _windows(chain, kernel, stride, dilation)
    weights = (filters, chain.channels // groups, *kernel)
    macs = math.prod(count) * math.prod(weights)
    if math.prod(weights) > MOST_WEIGHTS or macs > MOST_MACS:
        return False
    fan = math.prod(weights[1:])
    inputs = (chain.at, chain.floats(*weights, scale=fan**-0.5), chain.floats(filters, scale=0.1))
    attributes = {"strides": stride, "dilations": dilation, "pads": pads, "group": groups}
    made = chain.add((1, filters, *count), "Conv", *inputs, kernel_shape=kernel, **attributes)
    if made and chain.rng.random() < 0.5:
        chain.add(chain.shape, "Relu", chain.at)
    return made


def _depthwise(chain: _Chain) -> bool:
    multiplier = chain.pick(1, 1, 1, 2, 3)
    kernel = chain.each_axis(1, 2, 3, 3, 4, 5, 7, 9)
    return _conv(chain, kernel, chain.each_axis(1, 1, 1, 2, 3), chain.channels, chain.channels * multiplier)


def _dense(chain: _Chain) -> bool:
    kernel = chain.each_axis(1, 2, 3, 5, 7, 10) if chain.channels <= 3 else chain.each_axis(1, 1, 3, 4, 5)
    return _conv(chain, kernel, chain.each_axis(1, 1, 1, 2), 1, chain.pick(1, 2, 3, 5, 8, 12, 16, 24, 31))


def _grouped(chain: _Chain) -> bool:
    divisors = [n for n in range(2, chain.channels) if chain.channels % n == 0]
    if not divisors:
        return False
    groups = chain.pick(*divisors)
    kernel, dilation = chain.each_axis(1, 2, 3, 3, 5), chain.each_axis(1, 1, 2, 3)
    return _conv(chain, kernel, dilation, groups, groups * chain.pick(1, 2, 3, 4, 6, 8))


def _transposed(chain: _Chain) -> bool:
    kernel, stride = chain.each_axis(2, 3, 4), chain.each_axis(1, 2, 2, 3)
    filters = chain.pick(1, 3, 4, 7, 8)
    shape = tuple((n - 1) * s + k for n, s, k in zip(chain.size, stride, kernel, strict=True))
    weights = (chain.channels, filters, *kernel)
    if math.prod(weights) * math.prod(chain.size) > MOST_MACS:
        return False
    inputs = (chain.at, chain.floats(*weights, scale=chain.channels**-0.5))
    return chain.add((1, filters, *shape), "ConvTranspose", *inputs, strides=stride, kernel_shape=kernel)


def _pool(chain: _Chain) -> bool:
    kernel, stride = chain.each_axis(1, 2, 2, 3, 3, 4, 5, 7), chain.each_axis(1, 2, 2, 3)
    plain = [1] * len(kernel)
    pads, count = _windows(chain, kernel, stride, plain)
    if any(2 * pad > k for pad, k in zip(pads, kernel * 2, strict=True)):
        return False
    operator = str(chain.rng.choice(["MaxPool", "AveragePool"]))
    counted = {"count_include_pad": chain.pick(0, 1)} if operator == "AveragePool" else {}
    shape = (1, chain.channels, *count)
    return chain.add(shape, operator, chain.at, kernel_shape=kernel, strides=stride, pads=pads, **counted)


def _mean(chain: _Chain) -> bool:
    axes = [axis for axis in range(1, len(chain.shape)) if chain.rng.random() < 0.4]
    if not axes or len(axes) == len(chain.shape) - 1:
        return False
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(chain.shape))
    return chain.add(shape, "ReduceMean", chain.at, axes=axes, keepdims=1)


def _arithmetic(chain: _Chain) -> bool:
    """With a constant, or with what is computed from the chain, of any shape that can be repeated."""
    operator = str(chain.rng.choice(["Add", "Mul", "Sub"]))
    axes = [axis for axis in range(1, len(chain.shape)) if chain.rng.random() < 0.5]
    form = chain.rng.random()
    shape = tuple(1 if axis in axes else n for axis, n in enumerate(chain.shape))
    if form < 0.3:
        other = chain.floats(*shape)
    elif axes and len(axes) < len(chain.shape) - 1 and form < 0.8:
        other = chain.node("ReduceMean", chain.at, axes=axes, keepdims=1)
    else:
        other = chain.node("Sigmoid", chain.at)
    return chain.add(chain.shape, operator, chain.at, other)


def _slice(chain: _Chain) -> bool:
    axis = chain.pick(*range(1, len(chain.shape)))
    step, length = chain.pick(1, 1, 2, 3), chain.shape[axis]
    first = int(chain.rng.integers(0, max(1, length // 3)))
    bounds = (np.int64([n]) for n in (first, length, axis, step))
    shape = list(chain.shape)
    shape[axis] = -(-(length - first) // step)
    return chain.add(tuple(shape), "Slice", chain.at, *(chain.constant(n) for n in bounds))


def _concat(chain: _Chain) -> bool:
    axis = chain.pick(*range(1, len(chain.shape)))
    other = chain.node(str(chain.rng.choice(["Tanh", "Sigmoid"])), chain.at)
    shape = tuple(2 * n if i == axis else n for i, n in enumerate(chain.shape))
    return chain.add(shape, "Concat", chain.at, other, axis=axis)


def _pad(chain: _Chain) -> bool:
    before, behind = (
        [0, *(chain.pick(0, 0, 1), *(chain.pick(0, 1, 2) for _ in chain.size))] for _ in range(2)
    )
    shape = tuple(a + n + b for a, n, b in zip(before, chain.shape, behind, strict=True))
    # Behind an activation, so that it does not become another layer's padding.
    source = chain.node("Tanh", chain.at)
    mode = str(chain.rng.choice(["constant", "reflect", "edge"])) if min(chain.shape[1:]) > 2 else "constant"
    return chain.add(shape, "Pad", source, chain.constant(np.int64(before + behind)), mode=mode)


def _resize(chain: _Chain) -> bool:
    scales = [1, 1, *chain.each_axis(1, 2, 2, 3)]
    shape = tuple(n * s for n, s in zip(chain.shape, scales, strict=True))
    mode = str(chain.rng.choice(["nearest", "linear"]))
    return chain.add(
        shape,
        "Resize",
        *(chain.at, "", chain.constant(np.float32(scales))),
        mode=mode,
        coordinate_transformation_mode="asymmetric" if mode == "nearest" else "half_pixel",
        nearest_mode="floor",
    )


def _table(chain: _Chain) -> bool:
    operator = str(chain.rng.choice(["Sigmoid", "Tanh", "HardSwish", "Elu"]))
    return chain.add(chain.shape, operator, chain.at)


def _softmax(chain: _Chain) -> bool:
    return chain.add(chain.shape, "Softmax", chain.at, axis=1)


def _transpose(chain: _Chain) -> bool:
    order = [0, 1, *(axis + 2 for axis in chain.rng.permutation(len(chain.size)))]
    shape = tuple(chain.shape[axis] for axis in order)
    return chain.add(shape, "Transpose", chain.at, perm=order)


_LAYERS: tuple[Callable[[_Chain], bool], ...] = (
    *(_depthwise, _depthwise, _depthwise),
    *(_dense, _dense),
    *(_grouped, _grouped),
    *(_pool, _pool),
    *(_arithmetic, _arithmetic),
    *(_transposed, _mean, _slice, _concat, _pad, _resize, _table, _softmax, _transpose),
)
