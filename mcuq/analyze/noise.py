"""The noise of a network as a sum of parts: every tensor's rounding and every layer's weights once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import numpy as np

from mcuq.analyze.floats import run_hybrid
from mcuq.analyze.layers import ObservedNetwork, dequantize, quantized_constants
from mcuq.analyze.measures import ratio_db
from mcuq.calibrate.run import Progress
from mcuq.ir.graph import Node
from mcuq.ir.program import Step
from mcuq.ir.types import CODE_TYPES, Array, Float32
from mcuq.quantize.equalize.judged import judged_tensors

NoiseKind: TypeAlias = Literal["weights", "rounding"]
# Who makes all the noise would gain without bound; 60 dB is beyond what 8 bits can give.
_MOST_DB = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class NoisePart:
    """What one source adds to the noise. All powers are relative to the total noise.

    Args:
        layer: the node's name, or that of the model's input.
        tensor: the layer's output.
        kind: "weights" of integers instead of real ones, or "rounding" of the output, which is also clipping
            and whatever else integers do there.
        share: its product with the total error; shares add up to 1, and one that makes up for others is
            negative.
        alone: its power alone.
        gain_db: SQNR that would be gained without it, below 0 where it makes up for others.
    """

    layer: str
    tensor: str
    kind: NoiseKind
    share: float
    alone: float
    gain_db: float


@dataclasses.dataclass(frozen=True, slots=True)
class NoiseBudget:
    """Where the noise of a network comes from.

    Args:
        judged: the tensors at which it is measured: outputs, or what a final softmax reads.
        noise: its power relative to the signal, summed over these.
        parts: in order.
        layers: the parts of each layer as one, by tensor, where it has several.
    """

    judged: tuple[str, ...]
    noise: float
    parts: tuple[NoisePart, ...]
    layers: Mapping[str, NoisePart]

    @property
    def sqnr_db(self) -> float | None:
        """As measured; None where there is no noise."""
        return ratio_db(1.0, self.noise)

    @property
    def predicted_db(self) -> float | None:
        """What the parts add up to."""
        return ratio_db(1.0, self.noise * sum(part.share for part in self.parts))

    @property
    def independent_db(self) -> float | None:
        """What they would add up to if none made up for another."""
        return ratio_db(1.0, self.noise * sum(part.alone for part in self.parts))

    def of(self, tensor: str) -> tuple[float, float, float]:
        """Shares of a layer's weights and rounding, and the gain without both."""
        shares = {part.kind: part.share for part in self.parts if part.tensor == tensor}
        layer = self.layers.get(tensor)
        gain = 0.0 if layer is None else layer.gain_db
        return shares.get("weights", 0.0), shares.get("rounding", 0.0), gain


@dataclasses.dataclass(frozen=True, slots=True)
class _Switch:
    """A network in which everything up to one source is quantized, and nothing behind it."""

    layer: str
    tensor: str
    kind: NoiseKind
    known: Mapping[str, Array]
    constants: Mapping[str, Array]


def measure_noise(network: ObservedNetwork, progress: Progress | None = None) -> NoiseBudget:
    """Switch the sources of noise on one after the other, as the network computes, and see what each adds.

    With H_k the judged tensors after k sources, the total error is the sum of `e_k = H_k - H_(k-1)`, and its
    power the sum of the products `<e_k, e>`: covariances are shared by the two that have them, and what makes
    up for an earlier error counts as that. Without source k the noise would be `|e - e_k|^2`.

    Args:
        network: on the samples that measure it.
        progress: called after each source.
    """
    judged = _judged(network)
    real = {name: network.real[name].astype(np.float64) for name in judged}
    switches = list(_switches(network))
    last = switches[-1].known
    error = _difference(_run(network, last, {}, judged), real, real)
    total = float(error @ error)
    before = real
    parts: list[NoisePart] = []
    sums: dict[str, Array] = {}
    for count, switch in enumerate(switches):
        after = _run(network, switch.known, switch.constants, judged)
        change = _difference(after, before, real)
        parts.append(_part(switch.layer, switch.tensor, switch.kind, change, error))
        sums[switch.tensor] = sums.get(switch.tensor, np.zeros_like(change)) + change
        before = after
        if progress is not None:
            progress(count + 1, len(switches))
    names = {part.tensor: part.layer for part in parts}
    layers = {name: _part(names[name], name, "rounding", change, error) for name, change in sums.items()}
    return NoiseBudget(judged, total, tuple(parts), layers)


def _judged(network: ObservedNetwork) -> tuple[str, ...]:
    """The judged tensors without those of whole numbers, such as indices, as far as there are others."""
    coded = {each.name for each in network.program.tensors if each.quant.dtype in CODE_TYPES}
    names = judged_tensors(network.graph)
    return tuple(name for name in names if name in coded) or names


def _part(layer: str, tensor: str, kind: NoiseKind, change: Array, error: Array) -> NoisePart:
    total, rest = float(error @ error), error - change
    if total == 0:
        return NoisePart(layer, tensor, kind, 0.0, 0.0, 0.0)
    left = float(rest @ rest)
    gain = min(10 * math.log10(total / left), _MOST_DB) if left > 0 else _MOST_DB
    return NoisePart(layer, tensor, kind, float(change @ error) / total, float(change @ change) / total, gain)


def _switches(network: ObservedNetwork) -> Iterator[_Switch]:
    """The sources in order: inputs, then each layer's weights and its rounding."""
    program, nodes = network.program, {node.output: node for node in network.graph.nodes}
    known: dict[str, Array] = {}
    for port, inner in zip(network.graph.inputs, program.inputs, strict=True):
        tensor = program.tensors[inner.tensor]
        if tensor.quant.dtype in CODE_TYPES:
            known[port.tensor] = _value(network, tensor.name, inner.tensor, port.tensor)
            yield _Switch(port.name, port.tensor, "rounding", dict(known), {})
    for step in program.steps:
        node = nodes.get(program.tensors[step.output].name)
        if node is None:
            continue  # what is rounded once more for a reader counts as the reader's rounding
        constants = quantized_constants(network, step, node)
        if constants:
            yield _Switch(step.name, node.output, "weights", dict(known), constants)
        found = _outputs(network, step, node)
        if found:
            known |= found
            yield _Switch(step.name, node.output, "rounding", dict(known), {})


def _outputs(network: ObservedNetwork, step: Step, node: Node) -> dict[str, Array]:
    """Real values of a step's outputs, where they are codes."""
    tensors = network.program.tensors
    named = {tensors[index].name: index for index in step.outputs if tensors[index].quant.dtype in CODE_TYPES}
    return {name: _value(network, name, named[name], name) for name in node.outputs if name in named}


def _value(network: ObservedNetwork, inner: str, index: int, name: str) -> Float32:
    found = dequantize(network.codes[inner], network.program.tensors[index].quant)
    return found.reshape(-1, *network.graph.tensors[name].shape).astype(np.float32)


def _run(
    network: ObservedNetwork,
    known: Mapping[str, Array],
    constants: Mapping[str, Array],
    judged: tuple[str, ...],
) -> dict[str, Array]:
    found = run_hybrid(network.graph, known, constants, network.inputs, judged)
    return {name: value.astype(np.float64) for name, value in found.items()}


def _difference(after: Mapping[str, Array], before: Mapping[str, Array], real: Mapping[str, Array]) -> Array:
    """All judged tensors in one vector, each relative to the length of its signal."""
    return np.concatenate(
        [
            (after[name].reshape(-1) - before[name].reshape(-1)) / max(float(np.linalg.norm(value)), 1e-150)
            for name, value in real.items()
        ]
    )
