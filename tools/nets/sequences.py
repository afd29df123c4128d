"""Networks for sequences: signals, spectra, tokens, patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nets.blocks import Residual, conv_bn, head


class Causal(nn.Module):
    """A dilated convolution over the past, twice, beside a skip."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        """Kernels of three."""
        super().__init__()
        self.pad = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.conv1 = nn.Conv1d(inputs, outputs, 3, dilation=dilation)
        self.conv2 = nn.Conv1d(outputs, outputs, 3, dilation=dilation)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """`[n, outputs, t]`."""
        y = torch.relu(self.conv1(self.pad(x)))
        y = torch.relu(self.conv2(self.pad(y)))
        return torch.relu(y + self.skip(x))


class Tcn(nn.Module):
    """Causal blocks, and classes of the last element."""

    def __init__(self) -> None:
        """Four dilations."""
        super().__init__()
        widths = (4, 12, 12, 12)
        self.body = nn.Sequential(*(Causal(a, 12, 2**i) for i, a in enumerate(widths)))
        self.last = nn.Linear(12, 6)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, 6]`."""
        return self.last(self.body(x)[:, :, -1])


def ds_cnn() -> nn.Module:
    """Keyword spotting: depthwise separable convolutions of a spectrogram."""
    pairs = [layer for _ in range(4) for layer in (conv_bn(24, 24, 3, groups=24), conv_bn(24, 24))]
    first = nn.Sequential(nn.Conv2d(1, 24, (10, 4), 2, (5, 1), bias=False), nn.BatchNorm2d(24), nn.ReLU())
    return nn.Sequential(first, nn.Dropout(0.2), *pairs, head(24, 12))


class Crnn(nn.Module):
    """Convolutions of a line of text, a recurrent layer along it, log probabilities of characters."""

    def __init__(self) -> None:
        """Images of sixteen rows."""
        super().__init__()
        self.conv = nn.Sequential(
            conv_bn(1, 8, 3), nn.MaxPool2d(2), conv_bn(8, 16, 3), nn.MaxPool2d((2, 1)), conv_bn(16, 16, 3)
        )
        self.gru = nn.GRU(16 * 4, 16, batch_first=True, bidirectional=True)
        self.last = nn.Linear(32, 12)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, w / 2, 12]`."""
        y = self.conv(x)
        y = y.permute(0, 3, 1, 2).flatten(2)
        y, _ = self.gru(y)
        return torch.log_softmax(self.last(y), -1)


class Tagger(nn.Module):
    """A recurrent layer, and classes of every element."""

    def __init__(self, kind: type[nn.RNNBase], tokens: int = 0) -> None:
        """Of tokens, where there are any, else of features."""
        super().__init__()
        self.embedding = nn.Embedding(tokens, 8) if tokens else nn.Identity()
        self.layer = kind(8, 16, num_layers=2, batch_first=True)
        self.last = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, t, 5]`."""
        y, _ = self.layer(self.embedding(x))
        return self.last(y)


class Vit(nn.Module):
    """Patches, a token for the class, two blocks of attention."""

    def __init__(self) -> None:
        """Images of 32 by 32."""
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 8, 8)
        self.token = nn.Parameter(torch.randn(1, 1, 32) * 0.1)
        self.position = nn.Parameter(torch.randn(1, 17, 32) * 0.1)
        self.blocks = nn.Sequential(Block(32, 4), Block(32, 4))
        self.norm, self.last = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, 10]`."""
        y = self.patch(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(y.shape[0], -1, -1), y], 1) + self.position
        return self.last(self.norm(self.blocks(y))[:, 0])


class Attention(nn.Module):
    """Self-attention, written out."""

    def __init__(self, width: int, heads: int) -> None:
        """One layer for queries, keys and values."""
        super().__init__()
        self.heads, self.depth = heads, width // heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, self.depth).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(q @ k.transpose(-2, -1) * self.depth**-0.5, -1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, c))


class Block(nn.Module):
    """Attention and two layers, each behind a normalization and beside a skip."""

    def __init__(self, width: int, heads: int) -> None:
        """The layers are twice as wide inside."""
        super().__init__()
        self.attention = Residual(nn.Sequential(nn.LayerNorm(width), Attention(width, heads)))
        self.layers = Residual(feed_forward(width, nn.GELU()))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return self.layers(self.attention(x))


def feed_forward(width: int, act: nn.Module) -> nn.Sequential:
    """Normalization, and two layers twice as wide inside."""
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), act, nn.Linear(2 * width, width))


class Conformer(nn.Module):
    """Half a feed-forward, attention, a gated convolution over time, half a feed-forward."""

    def __init__(self, width: int = 24) -> None:
        """One block of features."""
        super().__init__()
        self.first, self.second = feed_forward(width, nn.SiLU()), feed_forward(width, nn.SiLU())
        self.attention = Residual(nn.Sequential(nn.LayerNorm(width), Attention(width, 4)))
        self.norm, self.end = nn.LayerNorm(width), nn.LayerNorm(width)
        self.conv = nn.Sequential(
            nn.Conv1d(width, 2 * width, 1),
            nn.GLU(1),
            nn.Conv1d(width, width, 7, padding=3, groups=width),
            nn.BatchNorm1d(width),
            nn.SiLU(),
            nn.Conv1d(width, width, 1),
        )
        self.last = nn.Linear(width, 8)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, t, 8]`."""
        x = self.attention(x + 0.5 * self.first(x))
        x = x + self.conv(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return self.last(self.end(x + 0.5 * self.second(x)))


class Mixer(nn.Module):
    """Tokens and channels mixed in turn."""

    def __init__(self) -> None:
        """Sixteen patches of 32 by 32."""
        super().__init__()
        self.patch = nn.Conv2d(3, 24, 8, 8)
        self.blocks = nn.Sequential(MixerBlock(16, 24), MixerBlock(16, 24))
        self.norm, self.last = nn.LayerNorm(24), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, 10]`."""
        return self.last(self.norm(self.blocks(self.patch(x).flatten(2).transpose(1, 2))).mean(1))


class MixerBlock(nn.Module):
    """One layer over tokens, one over channels."""

    def __init__(self, tokens: int, width: int) -> None:
        """The layers are twice as wide inside."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.channels = feed_forward(width, nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(x)
