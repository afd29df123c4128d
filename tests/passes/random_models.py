"""Random models of the supported operators, in the orders in which exporters and attackers put them."""

from __future__ import annotations

import math

import numpy as np
import onnx
from small_models import Net


class RandomNet:
    """Grows a model step by step; every step depends on the seed alone."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.shapes: dict[str, tuple[int, ...]] = {}
        inputs = {f"x{i}": self._input_shape() for i in range(1 + (self.rng.random() < 0.2))}
        self.net = Net(int(self.rng.choice([11, 13, 17])), **inputs)
        self.net.rng = self.rng
        self.shapes.update(inputs)
        self.last = "x0"

    def _input_shape(self) -> tuple[int, ...]:
        choices = [(1, 3, 6, 5), (1, 6, 5, 4), (1, 1, 7, 6), (1, 4, 8), (1, 12), (1, 5, 6, 3), (2, 2, 4, 4)]
        return choices[self.rng.integers(len(choices))]

    def build(self, steps: int) -> onnx.ModelProto:
        """A model of at least one step; what nothing reads becomes an output, and sometimes more."""
        actions = [
            self.conv, self.conv, self.pool, self.average, self.batchnorm, self.scale, self.activate,
            self.activate, self.pad, self.transpose, self.unit_reshape, self.flatten, self.linear,
            self.add_branch, self.global_mean, self.softmax, self.branch, self.identity,
        ]  # fmt: skip
        made = 0
        while made < steps:
            before = len(self.net.nodes)
            actions[self.rng.integers(len(actions))]()
            made += len(self.net.nodes) > before
        used = {name for node in self.net.nodes for name in node.input}
        computed = [node.output[0] for node in self.net.nodes]
        outputs = [name for name in computed if name not in used]
        if self.rng.random() < 0.3:
            outputs.append(computed[self.rng.integers(len(computed))])
        return self.net.model(*dict.fromkeys(outputs))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shapes[self.last]

    def put(self, shape: tuple[int, ...], op_type: str, *inputs: str, **attrs: object) -> None:
        self.last = self.net.add(op_type, self.last, *inputs, **attrs)
        self.shapes[self.last] = shape

    def branch(self) -> None:
        """Go on from any earlier tensor."""
        names = list(self.shapes)
        self.last = names[self.rng.integers(len(names))]

    def conv(self) -> None:
        if len(self.shape) not in (3, 4):
            return
        n, c, *size = self.shape
        groups = int(self.rng.choice([1, 1, c] + [2] * (c % 2 == 0)))
        filters = groups * int(self.rng.integers(1, 4))
        kernel = [int(self.rng.integers(1, 4)) for _ in size]
        stride = int(self.rng.integers(1, 3))
        pads = [int(self.rng.integers(0, 2)) for _ in range(2 * len(size))]
        out = []
        for axis, length in enumerate(size):
            room = length + pads[axis] + pads[axis + len(size)] - kernel[axis]
            if room < 0:
                return
            out.append(room // stride + 1)
        weights = self.net.random(filters, c // groups, *kernel)
        bias = [self.net.random(filters)] if self.rng.random() < 0.7 else []
        attrs = {"group": groups, "pads": pads, "strides": [stride] * len(size)}
        self.put((n, filters, *out), "Conv", weights, *bias, **attrs)

    def _pool(self, op_type: str, **attrs: object) -> None:
        if len(self.shape) not in (3, 4):
            return
        n, c, *size = self.shape
        kernel = [int(self.rng.integers(1, min(4, length + 1))) for length in size]
        pads = [int(self.rng.integers(0, k)) if self.rng.random() < 0.3 else 0 for k in kernel * 2]
        out = [
            length + pads[axis] + pads[axis + len(size)] - kernel[axis] + 1
            for axis, length in enumerate(size)
        ]
        if math.prod(out) and min(out) > 0:
            self.put((n, c, *out), op_type, kernel_shape=kernel, pads=pads, **attrs)

    def pool(self) -> None:
        self._pool("MaxPool")

    def average(self) -> None:
        self._pool("AveragePool", count_include_pad=int(self.rng.random() < 0.5))

    def batchnorm(self) -> None:
        if len(self.shape) >= 2:
            c = self.shape[1]
            parameters = [self.net.random(c) for _ in range(3)]
            var = self.net.const(self.rng.uniform(0.2, 2, c))
            self.put(self.shape, "BatchNormalization", *parameters, var)

    def scale(self) -> None:
        """Arithmetic with a constant that differs along one axis or none."""
        if not self.shape:
            return
        axis = int(self.rng.integers(-1, len(self.shape)))
        sizes = [size if each == axis else 1 for each, size in enumerate(self.shape)]
        constant = self.net.const(self.rng.uniform(0.5, 1.5, sizes if axis >= 0 else ()))
        self.put(self.shape, str(self.rng.choice(["Mul", "Add", "Sub", "Div"])), constant)

    def activate(self) -> None:
        if self.rng.random() < 0.5:
            self.put(self.shape, "Relu")
        else:
            lo, hi = sorted(self.rng.normal(size=2))
            self.put(self.shape, "Clip", self.net.const(np.float32(lo)), self.net.const(np.float32(hi)))

    def pad(self) -> None:
        pads = [int(self.rng.random() < 0.2) for _ in range(2 * len(self.shape))]
        if len(self.shape) == 4 and self.rng.random() < 0.7:
            pads[0] = pads[1] = pads[4] = pads[5] = 0
        rank = len(self.shape)
        shape = tuple(size + pads[axis] + pads[axis + rank] for axis, size in enumerate(self.shape))
        value = np.float32(0 if self.rng.random() < 0.7 else self.rng.normal())
        self.put(shape, "Pad", self.net.const(np.array(pads, np.int64)), self.net.const(value))

    def transpose(self) -> None:
        perm = [int(axis) for axis in self.rng.permutation(len(self.shape))]
        if len(perm) == 4 and self.rng.random() < 0.7:
            perm = [[0, 2, 3, 1], [0, 3, 1, 2]][self.rng.integers(2)]
        self.put(tuple(self.shape[axis] for axis in perm), "Transpose", perm=perm)

    def _reshape(self, shape: tuple[int, ...]) -> None:
        self.put(shape, "Reshape", self.net.const(np.array(shape, np.int64)))

    def unit_reshape(self) -> None:
        """Add and remove axes of size 1."""
        sizes = [size for size in self.shape if size != 1]
        while len(sizes) < 4 and self.rng.random() < 0.8:
            sizes.insert(int(self.rng.integers(len(sizes) + 1)), 1)
        self._reshape(tuple(sizes) or (1,))

    def flatten(self) -> None:
        if len(self.shape) > 1:
            self._reshape((self.shape[0], math.prod(self.shape[1:])))

    def linear(self) -> None:
        if self.shape:
            outputs = int(self.rng.integers(1, 7))
            self.put((*self.shape[:-1], outputs), "MatMul", self.net.random(self.shape[-1], outputs))

    def add_branch(self) -> None:
        names = [name for name, shape in self.shapes.items() if shape == self.shape]
        self.put(self.shape, "Add", names[self.rng.integers(len(names))])

    def global_mean(self) -> None:
        if len(self.shape) == 4 and self.rng.random() < 0.5:
            self.put((*self.shape[:2], 1, 1), "GlobalAveragePool")
        elif len(self.shape) > 1:
            axis = int(self.rng.integers(1, len(self.shape)))
            shape = (*self.shape[:axis], 1, *self.shape[axis + 1 :])
            self.put(shape, "ReduceMean", axes=[axis], keepdims=1)

    def softmax(self) -> None:
        if self.shape and self.net.opset >= 13:
            self.put(self.shape, "Softmax", axis=int(self.rng.integers(len(self.shape))))

    def identity(self) -> None:
        self.put(self.shape, "Identity")
