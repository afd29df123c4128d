"""Random networks over time that are causal: every kind of layer that streams, in awkward shapes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import onnx

from tests.small_models import Net


@dataclasses.dataclass
class Line:
    """A tensor under construction: its name, channels, columns, and how many of these padding reaches."""

    name: str
    channels: int
    columns: int
    head: int = 0


class CausalNet:
    """A random network `[1, C, T]`, or `[1, C, T, F]` along T.

    Args:
        seed: of everything.
        is_padded: whether convolutions pad in front, or not at all.
    """

    def __init__(self, seed: int, is_padded: bool, is_image: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.is_padded, self.bands = is_padded, int(self.rng.integers(2, 5)) if is_image else 0
        self.window = int(self.rng.integers(24, 40))
        channels = int(self.rng.integers(1, 6))
        shape = [1, channels, self.window, *([self.bands] if is_image else [])]
        self.net = Net(x=shape)
        self.net.rng = self.rng
        self.line = Line("x", channels, self.window)
        self.stride = 1
        self.is_causal = True  # every layer pads in front by all that it reaches back

    def _pads(self, front: int, band: int) -> list[int]:
        return [front, band, 0, band] if self.bands else [front, 0]

    def _spatial(self, along: int, band: int) -> list[int]:
        return [along, band] if self.bands else [along]

    def conv(self, *, depthwise: bool = False, stride: int = 1, name: str = "") -> None:
        rng, line = self.rng, self.line
        taps, dilation = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        taps = max(1, min(taps, (line.columns - 2) // (2 * dilation)))
        reach = dilation * (taps - 1) + 1
        front = reach - 1 if self.is_padded else 0
        band = 1 if self.bands else 0
        filters = line.channels * int(rng.integers(1, 3)) if depthwise else int(rng.integers(1, 7))
        line.name = self.net.conv(
            line.name,
            line.channels,
            filters,
            self._spatial(taps, 3),
            group=line.channels if depthwise else 1,
            strides=self._spatial(stride, 1),
            dilations=self._spatial(dilation, 1),
            pads=self._pads(front, band),
        )
        line.head = math.ceil((line.head + front) / stride)
        line.columns = (line.columns + front - reach) // stride + 1
        line.channels = filters
        self.is_causal &= front == reach - 1
        self.stride *= stride

    def pool(self, kind: str, stride: int = 1) -> None:
        line, taps = self.line, int(self.rng.integers(1, 4))
        front = taps - 1 if self.is_padded and kind == "MaxPool" else 0
        line.name = self.net.add(
            kind,
            line.name,
            kernel_shape=self._spatial(taps, 1),
            strides=self._spatial(stride, 1),
            pads=self._pads(front, 0),
        )
        line.head = math.ceil((line.head + front) / stride)
        line.columns = (line.columns + front - taps) // stride + 1
        self.is_causal &= front == taps - 1
        self.stride *= stride

    def crop(self, line: Line, columns: int) -> str:
        """The newest columns of a tensor."""
        if columns == line.columns:
            return line.name
        start = line.columns - columns
        ends = [self.net.const(np.int64([each])) for each in (start, line.columns, 2)]
        return self.net.add("Slice", line.name, *ends)

    def residual(self) -> None:
        """A branch and a shortcut of one column each."""
        before = dataclasses.replace(self.line)
        self.conv()
        self.act()
        branch = self.line
        shortcut = self.net.conv(
            self.crop(before, branch.columns), before.channels, branch.channels, self._spatial(1, 1)
        )
        branch.name = self.net.add("Add", branch.name, shortcut)
        branch.head = max(branch.head, before.head - (before.columns - branch.columns))

    def act(self) -> None:
        kind = self.rng.choice(["Relu", "Sigmoid", "Tanh", "LeakyRelu"])
        if self.rng.random() < 0.5:
            self.line.name = self.net.batchnorm(self.line.name, self.line.channels)
        self.line.name = self.net.add(str(kind), self.line.name)

    def end(self, kind: str) -> None:
        """How the network ends: in columns, or in one value of all."""
        line, rank = self.line, 4 if self.bands else 3
        if kind == "mean":
            line.name = self.net.add("ReduceMean", line.name, axes=list(range(2, rank)), keepdims=0)
        elif kind == "last":
            line.name = self.crop(line, 1)
        elif kind == "flat":
            line.name = self.net.add("Flatten", line.name)
            size = line.channels * line.columns * max(self.bands, 1)
            weights = self.net.random(size, 3)
            line.name = self.net.add("MatMul", line.name, weights)

    def save(self, path) -> str:
        onnx.save(self.net.model(self.line.name), path)
        return path


def random_network(seed: int) -> tuple[CausalNet, str]:
    """A network, and how it ends."""
    rng = np.random.default_rng([seed, 7])
    is_padded = bool(rng.integers(0, 2))
    found = CausalNet(seed, is_padded, bool(rng.integers(0, 2)))
    for _ in range(int(rng.integers(1, 5))):
        if found.line.columns < 6:
            break
        stride = int(rng.choice([1, 1, 1, 2, 3])) if found.stride < 4 else 1
        match rng.choice(["conv", "depthwise", "residual", "MaxPool", "AveragePool"]):
            case "residual":
                found.residual()
            case "conv":
                found.conv(stride=stride)
                found.act()
            case "depthwise":
                found.conv(depthwise=True, stride=stride)
            case kind:
                found.pool(str(kind), stride)
    ends = ["columns"]
    # What looks at the whole window must not see padding.
    ends += ["last"] if found.line.head < found.line.columns else []
    ends += ["mean", "flat"] if found.line.head == 0 else []
    end = str(rng.choice(ends))
    found.end(end)
    return found, end
