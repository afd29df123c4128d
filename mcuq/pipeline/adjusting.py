"""What adjusting the weights needs of the float model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import stream
from mcuq.ir.graph import Graph, Port
from mcuq.ir.types import Float32, Shape
from mcuq.onnxio.write import write_graph
from mcuq.quantize.reference import Reference, collect_reference, reference_tensors


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
    return collect_reference(graph, inputs, _batches(graph, samples, inputs))


def _batches(graph: Graph, samples: Samples, inputs: dict[str, Float32]) -> Iterator[dict[str, Float32]]:
    """`reference_tensors` of one sample after the other, in device layout."""
    names = [name for name in reference_tensors(graph) if name not in inputs]
    outputs = {port.name: port for port in graph.outputs}
    for index, values in enumerate(stream(write_graph(graph, names), samples, names)):
        batch = {name: value[index : index + 1] for name, value in inputs.items()}
        for name, value in values.items():
            # A tensor under the name of an output comes in the model's layout.
            port = outputs.get(name)
            batch[name] = value if port is None else _to_device(port, value, graph.tensors[name].shape)
        yield batch


def _to_device(port: Port, values: Float32, shape: Shape) -> Float32:
    """`[n, *model shape]` to `[n, *device shape]`."""
    moved = values.transpose(0, *(axis + 1 for axis in port.perm))
    return np.ascontiguousarray(moved).reshape(len(values), *shape)
