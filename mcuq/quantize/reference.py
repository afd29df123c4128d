"""What the float model has at the inputs of its weighted layers: the truth that weights are adjusted to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

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
        fitted: at those of the samples that weights are fitted to, `[G, R, m]`; None where nobody asked.
    """

    mean: Float64
    held_out: Float32
    fitted: Float32 | None = None


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


class ReferenceCollector:
    """Reduces the float model's tensors to what adjusting the weights needs, sample by sample.

    Args:
        graph: stage CANONICAL.
        samples: how many there will be.
        keeps_fitted: whether sums of the samples that weights are fitted to are kept.
    """

    __slots__ = ("_fitted", "_graph", "_inputs", "_layers", "_parts", "_samples", "_start", "_sums")

    def __init__(self, graph: Graph, samples: int, keeps_fitted: bool = False) -> None:
        """Start before the first sample."""
        held_count = int(held_out_mask(samples).sum())
        # Per layer what reads their rows, and these.
        self._fitted: dict[str, tuple[RowReader, list[Array]]] = {}
        if keeps_fitted:
            self._fitted = {
                node.output: (sample_reader(op, graph, node, samples - held_count), [])
                for node, op in weighted_nodes(graph)
            }
        self._graph, self._samples, self._start = graph, samples, 0
        self._layers = [
            (node, op, sample_reader(op, graph, node, held_count)) for node, op in weighted_nodes(graph)
        ]
        self._sums: dict[str, Float64] = {}
        self._parts: dict[str, list[Array]] = {node.output: [] for node, _, _ in self._layers}
        self._inputs: dict[str, list[Float32]] = {port.tensor: [] for port in graph.inputs}

    @property
    def tensors(self) -> tuple[str, ...]:
        """What it has to be given: the graph's inputs, and those of weighted layers."""
        return tuple(dict.fromkeys((*self._inputs, *(node.inputs[0] for node, _, _ in self._layers))))

    def take(self, values: Mapping[str, Float32]) -> None:
        """Take `tensors` of the next samples in device layout, `[k, *shape]` by name."""
        size = len(next(iter(values.values())))
        held = held_out_mask(self._start + size)[self._start :]
        for name, parts in self._inputs.items():
            parts.append(values[name].copy())
        for name in sorted({node.inputs[0] for node, _, _ in self._layers}):
            fitted = values[name][~held].sum(axis=0, dtype=np.float64)
            self._sums[name] = self._sums[name] + fitted if name in self._sums else fitted
        for node, op, reader in self._layers:
            if held.any():
                rows = reader.read(values[node.inputs[0]][held])
                self._parts[node.output].append(_sums(op, self._graph, node, rows))
            if node.output in self._fitted and not held.all():
                fit_reader, parts = self._fitted[node.output]
                rows = fit_reader.read(values[node.inputs[0]][~held])
                parts.append(_sums(op, self._graph, node, rows))
        self._start += size

    def reference(self) -> Reference:
        """What was gathered, once all samples are taken."""
        assert self._start == self._samples, (self._start, self._samples)
        fitted_count = self._samples - int(held_out_mask(self._samples).sum())
        found = {}
        for node, op, reader in self._layers:
            mean_image = self._sums[node.inputs[0]] / fitted_count
            mean = _sums(op, self._graph, node, mean_rows(reader, mean_image)[:, None])[:, 0]
            fitted = self._fitted.get(node.output)
            found[node.output] = LayerReference(
                mean,
                np.concatenate(self._parts[node.output], axis=1),
                None if fitted is None else np.concatenate(fitted[1], axis=1),
            )
        return Reference({name: np.concatenate(parts) for name, parts in self._inputs.items()}, found)


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
