"""What adjusting the weights needs of the float model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import stream
from mcuq.ir.graph import Graph, Port
from mcuq.ir.types import Float32, Shape
from mcuq.onnxio.write import write_graph
from mcuq.quantize.reference import Reference, collect_reference, reference_tensors

# Weights are fitted layer by layer, with what the layers before give for all of these samples in memory.
MOST_FITTED = 128


def fitting_samples(samples: Samples) -> Samples:
    """The samples that weights are fitted to and judged by: all, or so many of them, evenly spread."""
    count = min(len(samples), MOST_FITTED)
    return samples.take(np.arange(count) * len(samples) // count)


def measure_reference(graph: Graph, samples: Samples) -> Reference:
    """Run the float model and keep what it has at the inputs of its weighted layers.

    Args:
        graph: stage CANONICAL.
        samples: calibration samples.
    """
    inputs = {
        port.tensor: _to_device(port, samples.array(port.name), graph.tensors[port.tensor].shape)
        for port in graph.inputs
    }
    return collect_reference(graph, inputs, stream_device(graph, samples, reference_tensors(graph)))


def stream_device(graph: Graph, samples: Samples, names: Sequence[str]) -> Iterator[dict[str, Float32]]:
    """Tensors of the float model in device layout, `[1, *shape]` by name, one sample after the other.

    Args:
        graph: stage CANONICAL.
        samples: values of its inputs.
        names: activations of the graph, its inputs among them or not.
    """
    inputs = {port.tensor: port for port in graph.inputs if port.tensor in names}
    outputs = {port.name: port for port in graph.outputs}
    inner = [name for name in names if name not in inputs]
    values = stream(write_graph(graph, inner), samples, inner)
    for feeds, found in zip(samples.batches(1), values, strict=True):
        batch = {
            name: _to_device(port, feeds[port.name], graph.tensors[name].shape)
            for name, port in inputs.items()
        }
        for name, value in found.items():
            # A tensor under the name of an output comes in the model's layout.
            port = outputs.get(name)
            batch[name] = value if port is None else _to_device(port, value, graph.tensors[name].shape)
        yield batch


def _to_device(port: Port, values: Float32, shape: Shape) -> Float32:
    """`[n, *model shape]` to `[n, *device shape]`."""
    moved = values.transpose(0, *(axis + 1 for axis in port.perm))
    return np.ascontiguousarray(moved).reshape(len(values), *shape)
