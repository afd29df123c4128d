"""Layers that several networks share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def conv_bn(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: str = "relu"
) -> nn.Sequential:
    """Convolution, batch normalization and an activation; `act` may be empty."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if act:
        layers.append(ACTIVATIONS[act]())
    return nn.Sequential(*layers)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "hswish": nn.Hardswish,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, body: nn.Module) -> None:
        """Take the body."""
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.body(x)


class Excite(nn.Module):
    """Squeeze and excitation: channels times a gate that all of them decide."""

    def __init__(self, channels: int, inner: int, gate: nn.Module) -> None:
        """`gate` ends it: a sigmoid or a hard one."""
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.act, self.gate = nn.ReLU(), gate

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x * self.gate(self.fc2(self.act(self.fc1(self.pool(x)))))


class Inverted(nn.Module):
    """MobileNet's inverted residual, with an optional gate."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, act: str, gate: nn.Module | None = None, wide: int = 4
    ) -> None:
        """Expand by `wide`, depthwise, project."""
        super().__init__()
        inner = inputs * wide
        self.body = nn.Sequential(
            conv_bn(inputs, inner, act=act),
            conv_bn(inner, inner, 3, stride, groups=inner, act=act),
            *([] if gate is None else [Excite(inner, inner // 4, gate)]),
            conv_bn(inner, outputs, act=""),
        )
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """`[n, outputs, h / stride, w / stride]`."""
        y = self.body(x)
        return x + y if self.has_skip else y


def head(channels: int, classes: int = 10) -> nn.Sequential:
    """The mean over the image, and a class for each."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class LastFirst(nn.Module):
    """A module that works on the last axis, for images whose channels are the second one."""

    def __init__(self, body: nn.Module) -> None:
        """Take the body."""
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """`[n, c, h, w]`."""
        return self.body(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module whose weights follow from the seed alone."""
    torch.manual_seed(seed)
    return make()
