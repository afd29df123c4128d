"""Networks for images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nets.blocks import Excite, Inverted, LastFirst, Residual, conv_bn, head


def mobilenet_v2() -> nn.Module:
    """Inverted residuals with ReLU6."""
    return nn.Sequential(
        conv_bn(3, 8, 3, 2, act="relu6"),
        Inverted(8, 8, 1, "relu6"),
        Inverted(8, 12, 2, "relu6"),
        Inverted(12, 12, 1, "relu6"),
        Inverted(12, 16, 2, "relu6"),
        conv_bn(16, 32, act="relu6"),
        head(32),
    )


def mobilenet_v3_small() -> nn.Module:
    """Inverted residuals with hard swish and gates."""
    return nn.Sequential(
        conv_bn(3, 8, 3, 2, act="hswish"),
        Inverted(8, 8, 2, "relu", nn.Hardsigmoid()),
        Inverted(8, 12, 2, "hswish", nn.Hardsigmoid()),
        Inverted(12, 12, 1, "hswish", nn.Hardsigmoid()),
        conv_bn(12, 32, act="hswish"),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 24),
        nn.Hardswish(),
        nn.Dropout(),
        nn.Linear(24, 10),
    )


def efficientnet_b0() -> nn.Module:
    """Inverted residuals with swish and gates."""
    return nn.Sequential(
        conv_bn(3, 8, 3, 2, act="silu"),
        Inverted(8, 8, 1, "silu", nn.Sigmoid(), wide=1),
        Inverted(8, 12, 2, "silu", nn.Sigmoid()),
        Inverted(12, 12, 1, "silu", nn.Sigmoid()),
        conv_bn(12, 32, act="silu"),
        head(32),
    )


class Basic(nn.Module):
    """ResNet's block of two convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, groups: int = 0) -> None:
        """With `groups`, RegNet's block of three and a gate."""
        super().__init__()
        if groups:
            self.body = nn.Sequential(
                conv_bn(inputs, outputs),
                conv_bn(outputs, outputs, 3, stride, outputs // groups),
                Excite(outputs, 4, nn.Sigmoid()),
                conv_bn(outputs, outputs, act=""),
            )
        else:
            self.body = nn.Sequential(
                conv_bn(inputs, outputs, 3, stride), conv_bn(outputs, outputs, 3, act="")
            )
        self.skip = (
            conv_bn(inputs, outputs, 1, stride, act="") if stride > 1 or inputs != outputs else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """`[n, outputs, h / stride, w / stride]`."""
        return torch.relu(self.body(x) + self.skip(x))


def resnet18() -> nn.Module:
    """Four stages of two blocks, an eighth as wide."""
    widths = (8, 16, 32, 64)
    stages: list[nn.Module] = [conv_bn(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1)]
    for before, width in zip((8, *widths), widths, strict=False):
        stages += [Basic(before, width, 1 if width == 8 else 2), Basic(width, width)]
    return nn.Sequential(*stages, head(64))


def regnet() -> nn.Module:
    """RegNetY: groups of eight channels, gates."""
    return nn.Sequential(
        conv_bn(3, 8, 3, 2), Basic(8, 16, 2, 8), Basic(16, 16, 1, 8), Basic(16, 32, 2, 8), head(32)
    )


class Fire(nn.Module):
    """SqueezeNet's module: one by one and three by three side by side."""

    def __init__(self, inputs: int, inner: int, outputs: int) -> None:
        """`outputs` of each."""
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, inner, 1)
        self.one, self.three = nn.Conv2d(inner, outputs, 1), nn.Conv2d(inner, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, 2 outputs, h, w]`."""
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.one(x)), torch.relu(self.three(x))], 1)


def squeezenet() -> nn.Module:
    """Pools with ceil_mode, and classes that are a convolution."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(16, 4, 16),
        Fire(32, 4, 16),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(32, 8, 24),
        nn.Dropout(),
        nn.Conv2d(48, 10, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


class Shuffle(nn.Module):
    """ShuffleNetV2's unit: half of the channels pass, the others are convolved, both are interleaved."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        """With a stride, both halves are convolved."""
        super().__init__()
        half, source = outputs // 2, inputs if stride > 1 else inputs // 2
        self.left = nn.Sequential(conv_bn(inputs, inputs, 3, stride, inputs, act=""), conv_bn(inputs, half))
        self.right = nn.Sequential(
            conv_bn(source, half), conv_bn(half, half, 3, stride, half, act=""), conv_bn(half, half)
        )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """`[n, outputs, h / stride, w / stride]`."""
        if self.stride > 1:
            y = torch.cat((self.left(x), self.right(x)), 1)
        else:
            a, b = x.chunk(2, 1)
            y = torch.cat((a, self.right(b)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def shufflenet_v2() -> nn.Module:
    """Two stages."""
    return nn.Sequential(
        conv_bn(3, 8, 3, 2),
        nn.MaxPool2d(3, 2, 1),
        Shuffle(8, 16, 2),
        Shuffle(16, 16, 1),
        Shuffle(16, 32, 2),
        Shuffle(32, 32, 1),
        conv_bn(32, 32),
        head(32),
    )


class ConvNextBlock(nn.Module):
    """Depthwise, layer normalization over channels, two layers, a scale of each channel."""

    def __init__(self, channels: int) -> None:
        """As wide at both ends."""
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.fc1, self.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.fc2(nn.functional.gelu(self.fc1(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext() -> nn.Module:
    """Two stages, patches of four in front."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 4, 4),
        LastFirst(nn.LayerNorm(12, eps=1e-6)),
        ConvNextBlock(12),
        LastFirst(nn.LayerNorm(12, eps=1e-6)),
        nn.Conv2d(12, 24, 2, 2),
        ConvNextBlock(24),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(24, eps=1e-6),
        nn.Linear(24, 10),
    )


class UNet(nn.Module):
    """Two levels down and up again, a class for each pixel."""

    def __init__(self, has_transposed: bool) -> None:
        """Up by transposed convolution, or by resizing and convolution."""
        super().__init__()
        self.a = nn.Sequential(conv_bn(3, 8, 3), conv_bn(8, 8, 3))
        self.b = nn.Sequential(conv_bn(8, 16, 3), conv_bn(16, 16, 3))
        self.c = conv_bn(16, 24, 3)
        self.pool = nn.MaxPool2d(2)
        self.up_b, self.up_a = self._up(24, 16, has_transposed), self._up(16, 8, has_transposed)
        self.join_b, self.join_a = conv_bn(32, 16, 3), conv_bn(16, 8, 3)
        self.last = nn.Conv2d(8, 3, 1)

    @staticmethod
    def _up(inputs: int, outputs: int, has_transposed: bool) -> nn.Module:
        if has_transposed:
            return nn.ConvTranspose2d(inputs, outputs, 2, 2)
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        return nn.Sequential(up, conv_bn(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`[n, 3, h, w]`."""
        a = self.a(x)
        b = self.b(self.pool(a))
        y = self.up_b(self.c(self.pool(b)))
        y = self.join_b(torch.cat([y, b], 1))
        y = self.join_a(torch.cat([self.up_a(y), a], 1))
        return self.last(y)


def autoencoder() -> nn.Module:
    """Down by strides, up by transposed convolutions."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(12, 16, 3, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(16, 12, 3, 2, 1, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(12, 3, 3, 2, 1, output_padding=1),
        nn.Sigmoid(),
    )


def group_norm() -> nn.Module:
    """Group normalization instead of batches."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.GroupNorm(4, 16),
        nn.SiLU(),
        Residual(nn.Sequential(nn.Conv2d(16, 16, 3, 1, 1), nn.GroupNorm(4, 16), nn.SiLU())),
        head(16),
    )


def instance_norm() -> nn.Module:
    """Instance normalization, as in transfer of style."""
    return nn.Sequential(
        nn.ReflectionPad2d(1),
        nn.Conv2d(3, 12, 3),
        nn.InstanceNorm2d(12, affine=True),
        nn.ReLU(),
        Residual(nn.Sequential(nn.Conv2d(12, 12, 3, padding=1), nn.InstanceNorm2d(12), nn.ReLU())),
        nn.Conv2d(12, 3, 3, padding=1),
    )


def prelu() -> nn.Module:
    """PReLU with a slope for each channel, and pixels shuffled to twice the size."""
    return nn.Sequential(
        nn.Conv2d(3, 12, 5, padding=2),
        nn.PReLU(12),
        nn.Conv2d(12, 12, 3, padding=1),
        nn.PReLU(),
        nn.Conv2d(12, 12, 3, padding=1),
        nn.PixelShuffle(2),
    )
