"""Choosing the scales: for each group in turn, the one of a family with the least predicted noise."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from mcuq.ir.graph import Graph
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Float64
from mcuq.quantize.equalize.clamps import relax_clamps
from mcuq.quantize.equalize.groups import Group, find_groups
from mcuq.quantize.equalize.network import ALL_BYTES, Precision, RescaledNetwork
from mcuq.quantize.equalize.statistics import ChannelStats
from mcuq.quantize.equalize.weights import input_ranges, output_ranges

ROUNDS = 20
_POWERS = (0.0, 1 / 3, 2 / 3, 1.0)
_WORTH = 0.01  # share of a group's noise that is worth a change
_LIMIT = math.log(2.0**12)


@dataclasses.dataclass(frozen=True, slots=True)
class Equalized:
    """A graph that computes the same with other channel scales.

    Args:
        graph: stage CANONICAL.
        predicted_db: by how much the noise of the outputs should fall.
        groups: how many groups of tensors were rescaled.
    """

    graph: Graph
    predicted_db: float
    groups: int


def equalize_graph(
    graph: Graph,
    stats: Mapping[str, ChannelStats],
    is_per_channel: bool = True,
    precision: Precision = ALL_BYTES,
) -> Equalized:
    """Rescale channels between layers so that rounding makes less noise; the float function stays.

    Args:
        graph: stage CANONICAL.
        stats: of all activations.
        is_per_channel: whether every output channel has a weight scale of its own.
        precision: of weights and activations; int4 weights ask for other scales than int8 activations.

    Source: after Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction,
    equation 11, whose scales are members of the family; groups generalize its pairs and triples.
    """
    network = RescaledNetwork(relax_clamps(graph, stats), stats, is_per_channel, precision)
    groups = find_groups(network.graph)
    with np.errstate(all="ignore"):
        before = network.noise()
    if not math.isfinite(before):
        return Equalized(graph, 0.0, 0)  # squares of values near the largest float: nothing to compare
    changed: set[int] = set()
    for _ in range(ROUNDS):
        moved = [number for number, group in enumerate(groups) if _improve(network, group, is_per_channel)]
        if not moved:
            break
        changed.update(moved)
    after = network.noise()
    gain = 10 * math.log10(before / after) if before > 0 and after > 0 else 0.0
    scaled = network.scaled_graph(groups[number] for number in sorted(changed))
    return Equalized(scaled if changed else graph, gain, len(changed))


def _improve(network: RescaledNetwork, group: Group, is_per_channel: bool) -> bool:
    """Rescale a group if that makes less noise."""
    least = network.group_noise(group, np.ones(group.channels)) * (1 - _WORTH)
    best: Float64 | None = None
    for scale in _family(network, group, is_per_channel):
        noise = network.group_noise(group, scale)
        if noise < least:
            least, best = noise, scale
    if best is not None:
        network.divide(group, best)
    return best is not None


def _family(network: RescaledNetwork, group: Group, is_per_channel: bool) -> Iterator[Float64]:
    """Scales `activation^a * producers^b / consumers^c` of the channels' ranges, geometric mean 1.

    With per-channel weights the producers' ranges cost nothing, so b is 0. A channel that is never used
    keeps its scale.
    """
    activation = np.max([_amax(network.stats[name], group.channels) for name in group.tensors], axis=0)
    producers = np.max([output_ranges(network.weights[n.inputs[1]]) for n in group.producers], axis=0)
    consumers = np.max(
        [
            input_ranges(node.op, network.weights[node.inputs[1]], group.channels)
            for node in group.consumers
            if isinstance(node.op, WeightedOp)
        ],
        axis=0,
    )
    is_used = (activation > 0) & (producers > 0) & (consumers > 0)
    if not is_used.any():
        return
    logs = [np.log(np.where(is_used, each, 1.0)) for each in (activation, producers, consumers)]
    for a, b, c in itertools.product(_POWERS, (0.0,) if is_per_channel else _POWERS, _POWERS):
        if a + b > 1:
            continue
        exponent = a * logs[0] + b * logs[1] - c * logs[2]
        exponent = np.where(is_used, exponent - exponent[is_used].mean(), 0.0)
        yield np.exp(np.clip(exponent, -_LIMIT, _LIMIT))


def _amax(stats: ChannelStats, channels: int) -> Float64:
    """The largest magnitude of each channel, those folded together that belong together."""
    largest = np.maximum(np.abs(stats.lo), np.abs(stats.hi))
    return np.asarray(largest.reshape(-1, channels).max(axis=0))
