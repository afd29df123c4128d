"""What the float model has at the inputs of its weighted layers: the truth that weights are adjusted to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from mcuq.ir.graph import Graph, Node
from mcuq.ir.traits import WeightedOp
from mcuq.ir.types import Array, Float32, Float64
from mcuq.quantize.rounding.rows import RowReader, to_matrix

_KEPT_ROWS = 4096
_HELD_OUT_PERIOD = 4  # of four samples the last is held out
LEAST_SAMPLES = _HELD_OUT_PERIOD
_MOST_ELEMENTS = 2**21  # of the rows of one layer


def is_held_out(index: int) -> bool:
    """Whether a sample is kept from the fit to judge it."""
    return index % _HELD_OUT_PERIOD == _HELD_OUT_PERIOD - 1


def held_out_mask(count: int) -> Array:
    """`is_held_out` of the first samples, `[count]`."""
    return np.array([is_held_out(index) for index in range(count)], bool)


def weighted_nodes(graph: Graph) -> tuple[tuple[Node, WeightedOp], ...]:
    """The layers with constant weights, in order."""
    return tuple((node, node.op) for node in graph.nodes if isinstance(node.op, WeightedOp))


def reference_tensors(graph: Graph) -> tuple[str, ...]:
    """The inputs of weighted layers."""
    return tuple(dict.fromkeys(node.inputs[0] for node, _ in weighted_nodes(graph)))


def sample_reader(op: WeightedOp, graph: Graph, node: Node, samples: int) -> RowReader:
    """Reads as many rows of that many samples as are kept: to judge a layer by, and for AdaRound."""
    x, w, _ = node.inputs
    matrix = to_matrix(op, graph.constants[w])
    rows = min(_KEPT_ROWS, _MOST_ELEMENTS // (matrix.shape[0] * matrix.shape[1]))
    return RowReader.at_most(op, graph.tensors[x].shape, samples, rows)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class LayerReference:
    """The float model's sums of one layer, bias included, activation not.

    Args:
        mean: over all positions of the samples that weights are fitted to, `[G, m]`.
        held_out: at the rows of `sample_reader`, `[G, R, m]`.
    """

    mean: Float64
    held_out: Float32


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The float model on calibration samples.

    Args:
        inputs: values of the graph's input tensors, `[n, *device shape]`.
        layers: by the layer's output tensor.
    """

    inputs: Mapping[str, Float32]
    layers: Mapping[str, LayerReference]

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(next(iter(self.inputs.values())))


def collect_reference(
    graph: Graph, inputs: Mapping[str, Float32], batches: Iterable[Mapping[str, Float32]]
) -> Reference:
    """Reduce the float model's tensors to what adjusting the weights needs, a batch at a time.

    Args:
        graph: stage CANONICAL.
        inputs: values of the graph's input tensors, `[n, *device shape]`.
        batches: `reference_tensors` in device layout, `[k, *shape]`, of the same samples in order.
    """
    samples = len(next(iter(inputs.values())))
    held_count = int(held_out_mask(samples).sum())
    layers = [(node, op, sample_reader(op, graph, node, held_count)) for node, op in weighted_nodes(graph)]
    if not layers:
        return Reference(inputs, {})
    sums: dict[str, Float64] = {}
    parts: dict[str, list[Array]] = {node.output: [] for node, _, _ in layers}
    start = 0
    for batch in batches:
        size = len(next(iter(batch.values())))
        held = held_out_mask(start + size)[start:]
        for name in sorted({node.inputs[0] for node, _, _ in layers}):
            values = batch[name]
            fitted = values[~held].sum(axis=0, dtype=np.float64)
            sums[name] = sums[name] + fitted if name in sums else fitted
        for node, op, reader in layers:
            if held.any():
                rows = reader.read(batch[node.inputs[0]][held])
                parts[node.output].append(_sums(op, graph, node, rows))
        start += size
    fitted_count = samples - held_count
    found = {}
    for node, op, reader in layers:
        mean_image = sums[node.inputs[0]] / fitted_count
        mean = _sums(op, graph, node, mean_rows(reader, mean_image)[:, None])[:, 0]
        found[node.output] = LayerReference(mean, np.concatenate(parts[node.output], axis=1))
    return Reference(inputs, found)


def mean_rows(reader: RowReader, mean_image: Float64) -> Float64:
    """The mean input of every tap over all positions, `[G, K]`, of a mean input `[*shape]`."""
    everywhere = RowReader.at_most(reader.op, reader.shape, 1, 2**62)
    return np.asarray(everywhere.read(mean_image[None]).mean(axis=1))


def _sums(op: WeightedOp, graph: Graph, node: Node, rows: Array) -> Array:
    """The layer's sums on rows `[G, R, K]`, `[G, R, m]`, in the rows' type."""
    _, w, b = node.inputs
    weights = to_matrix(op, graph.constants[w]).astype(rows.dtype)
    bias = graph.constants[b].astype(rows.dtype).reshape(len(weights), 1, -1)
    sums: Array = rows @ weights + bias
    return sums
