"""The list of PyTorch's networks, their data, and both exporters."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nets import sequences, vision
from nets.blocks import seeded
from nets.subject import Subject

IMAGE, SIGNAL, FEATURES = (3, 32, 32), (4, 64), (20, 8)


@dataclasses.dataclass(frozen=True)
class TorchNet:
    """A network and what it reads.

    Args:
        name: a C name.
        make: the module, freshly initialized.
        shape: of one sample, without the batch.
        tokens: how many kinds of integers its input holds; 0 for real numbers.
    """

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = IMAGE
    tokens: int = 0


NETS = (
    *(
        TorchNet(make.__name__, make)
        for make in (
            vision.mobilenet_v2,
            vision.mobilenet_v3_small,
            vision.efficientnet_b0,
            vision.resnet18,
            vision.regnet,
            vision.squeezenet,
            vision.shufflenet_v2,
            vision.convnext,
            vision.autoencoder,
            vision.group_norm,
            vision.instance_norm,
            vision.prelu,
        )
    ),
    TorchNet("unet_transposed", partial(vision.UNet, True)),
    TorchNet("unet_resize", partial(vision.UNet, False)),
    TorchNet("tcn", sequences.Tcn, SIGNAL),
    TorchNet("ds_cnn", sequences.ds_cnn, (1, 49, 10)),
    TorchNet("crnn", sequences.Crnn, (1, 16, 32)),
    TorchNet("lstm_tagger", partial(sequences.Tagger, nn.LSTM), FEATURES),
    TorchNet("gru_tagger", partial(sequences.Tagger, nn.GRU), FEATURES),
    TorchNet("lstm_tokens", partial(sequences.Tagger, nn.LSTM, 50), (20,), 50),
    TorchNet("gru_tokens", partial(sequences.Tagger, nn.GRU, 50), (20,), 50),
    TorchNet("vit", sequences.Vit),
    TorchNet("conformer", sequences.Conformer, (20, 24)),
    TorchNet("mlp_mixer", sequences.Mixer),
)


def samples(net: TorchNet, count: int, seed: int) -> NDArray[np.generic]:
    """Smooth patterns and noise, or tokens; `[count, 1, *shape]`."""
    rng = np.random.default_rng(seed)
    if net.tokens:
        return rng.integers(0, net.tokens, (count, 1, *net.shape))
    axes = [np.linspace(0, 1, size) for size in net.shape[1:]]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    channels = net.shape[0]
    turns = rng.uniform(-12, 12, (count, channels, len(grid)))
    phases = rng.uniform(0, 2 * np.pi, (count, channels, *(1,) * len(axes)))
    waves = np.sin(np.tensordot(turns, grid, 1) + phases) * rng.uniform(
        0.3, 1.5, (count, *(1,) * len(net.shape))
    )
    noise = rng.normal(0, 0.3, (count, *net.shape))
    return (waves + noise).astype(np.float32)[:, None]


def prepare(net: TorchNet) -> nn.Module:
    """The network, seeded, with the statistics of its data in its normalizations, for inference."""
    module = seeded(net.make)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d):
            each.momentum = None  # the mean of all batches
    module.train()
    with torch.no_grad():
        for seed in range(4):
            module(torch.from_numpy(samples(net, 32, 100 + seed)[:, 0]))
    return module.eval()


def export(net: TorchNet, is_dynamo: bool, path: Path) -> None:
    """Write the network as one of the two exporters does."""
    example = torch.from_numpy(samples(net, 1, 0)[0])
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            prepare(net),
            (example,),
            str(path),
            input_names=["x"],
            output_names=["y"],
            dynamo=is_dynamo,
            external_data=False,
            verbose=False,
        )


def subjects(folder: Path, only: Sequence[str]) -> Iterator[Subject]:
    """Every network from both exporters."""
    for net in NETS:
        for exporter in ("torchscript", "dynamo"):
            if not only or net.name in only:
                path = folder / f"{net.name}-{exporter}.onnx"
                export(net, exporter == "dynamo", path)
                yield Subject(net.name, exporter, path, "x", samples(net, 64, 1), samples(net, 64, 2))
