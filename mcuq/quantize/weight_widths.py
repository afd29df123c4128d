"""How many bits the weights of each layer have."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mcuq.calibrate.overrides import match_nodes
from mcuq.errors import all_of, fail
from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import WeightedOp
from mcuq.options import QuantOptions
from mcuq.quantize.equalize.network import plain_name
from mcuq.settings import Override


def weight_bits(graph: Graph, options: QuantOptions) -> Mapping[str, int]:
    """The layers whose weights have other than 8 bits.

    With `--weight-bits 4` those are all but the first, the last and depthwise convolutions: the first sees
    the input and the last gives the outputs, both of few weights, and depthwise filters have few taps to
    make up for each other's errors. An override settles any layer.

    Args:
        graph: stage CANONICAL.
        options: the width of all, and of single layers.

    Returns:
        Bits by output tensor.

    Raises:
        McuqError: O001 for an override that matches no layer.

    Source: docs/calibration.md, weights.
    """
    layers = [node for node in graph.nodes if isinstance(node.op, WeightedOp)]
    found: dict[str, int] = {
        node.output: options.weight_bits for node in layers[1:-1] if not _is_depthwise(graph, node)
    }
    found |= overridden_bits(graph, options.overrides)
    return MappingProxyType({name: bits for name, bits in found.items() if bits != 8})


def narrowed_layers(graph: Graph, options: QuantOptions) -> frozenset[str]:
    """Names of the layers that `--weight-bits 4` would give four bits, and these options do not.

    Args:
        graph: stage CANONICAL.
        options: of a build.
    """
    before, after = (
        weight_bits(graph, each) for each in (options, dataclasses.replace(options, weight_bits=4))
    )
    narrowed = after.keys() - before.keys()
    return frozenset(node.name for node in graph.nodes if node.output in narrowed)


def _is_depthwise(graph: Graph, node: Node) -> bool:
    """Whether its filters see a channel each of several."""
    assert isinstance(node.op, WeightedOp)
    return node.op.group_count > 1 and graph.constants[node.inputs[1]].shape[-1] == 1


def overridden_bits(graph: Graph, overrides: Sequence[Override]) -> dict[str, int]:
    """The widths that overrides give layers, by output tensor; later ones win.

    Args:
        graph: stage CANONICAL, equalized or not.
        overrides: as read.

    Raises:
        McuqError: O001 for patterns that match no layer, for all of them at once.
    """
    layers = {plain_name(node.output): node for node in graph.nodes if isinstance(node.op, WeightedOp)}
    about = [(number, each) for number, each in enumerate(overrides, 1) if each.weight_bits is not None]
    matched = all_of(functools.partial(match_nodes, layers, each, number) for number, each in about)
    return {
        node.output: each.weight_bits
        for (_, each), found in zip(about, matched, strict=True)
        for node in found
        if each.weight_bits is not None
    }


def check_weights_are_free(options: QuantOptions) -> None:
    """Refuse widths for weights whose integers, or scales, come with the model or in a file.

    Raises:
        McuqError: O013.
    """
    if options.weight_bits != 8 or any(each.weight_bits is not None for each in options.overrides):
        raise fail(
            "O013",
            "two options contradict each other",
            where="--weight-bits and quantization parameters",
            why="parameters that came with the model or in a file are of weights as these are",
            fix="leave the width of the weights out, or quantize the float model with --calibration",
        )
