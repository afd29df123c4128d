"""The float model beside the integers: run once over the samples for everybody who wants to see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import FloatSession, Listener, Progress
from mcuq.ir.graph import Graph, Port
from mcuq.ir.types import Array, Float32
from mcuq.onnxio.export.join import join_models
from mcuq.ops.onnx.write import write_graph


class FloatRun:
    """A canonical graph in one open session, whose tensors listeners see in device layout.

    Args:
        graph: stage CANONICAL.
        tensors: its activations, inputs among them, that listeners will want.
        as_read: the same model at Stage.FLOAT, where it is looked at too.
        tensors_as_read: tensors of `as_read` that are wanted, none of them a port.

    Attributes:
        graph: the canonical graph.
        names_as_read: what listeners and values call `tensors_as_read`.

    Raises:
        McuqError: M002 when onnxruntime refuses the model.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Sequence[str],
        as_read: Graph | None = None,
        tensors_as_read: Sequence[str] = (),
    ) -> None:
        """Write the model and open the session."""
        self.graph = graph
        self._inputs = {port.tensor: port for port in graph.inputs}
        self._outputs = {port.name: port for port in graph.outputs}
        inner = [name for name in dict.fromkeys(tensors) if name not in self._inputs]
        model = write_graph(graph, inner)
        self.names_as_read: Mapping[str, str] = {}
        if as_read is not None and tensors_as_read:
            # One session computes both graphs, from the same sample.
            other = write_graph(as_read, tensors_as_read)
            model, self.names_as_read = join_models(model, other, list(dict.fromkeys(tensors_as_read)))
        self._session = FloatSession(model)

    def values(
        self, samples: Samples, tensors: Sequence[str], progress: Progress | None = None
    ) -> Iterator[dict[str, Float32]]:
        """Tensors in device layout, `[1, *shape]` by name, sample by sample; those as read in their own.

        Args:
            samples: values of the graph's inputs in the model's layout.
            tensors: among those the run was opened for.
            progress: called after each sample.

        Raises:
            McuqError: I001 when onnxruntime fails to run the model.
        """
        inner = [name for name in tensors if name not in self._inputs]
        wanted = [port for name, port in self._inputs.items() if name in tensors]
        for feeds, outputs in self._session.batches(samples, inner, progress=progress):
            given = {port.tensor: self._to_device(port.tensor, port, feeds[port.name]) for port in wanted}
            yield {**given, **{name: self._of_output(name, value) for name, value in outputs.items()}}

    def listen(
        self, samples: Samples, listeners: Sequence[Listener], progress: Progress | None = None
    ) -> None:
        """Run all samples once and show each of them to those who want it.

        Args:
            samples: values of the graph's inputs in the model's layout.
            listeners: in the order in which they are called for a sample.
            progress: called after each sample.

        Raises:
            McuqError: as `values`.
        """
        names = list(dict.fromkeys(name for each in listeners for name in each.tensors))
        # Values that are not finite are for the ranges to refuse.
        with np.errstate(over="ignore", invalid="ignore"):
            for index, values in enumerate(self.values(samples, names, progress)):
                for each in listeners:
                    if each.wants(index):
                        each.take({name: values[name] for name in each.tensors})

    def _of_output(self, name: str, value: Array) -> Float32:
        # A tensor under the name of an output comes in the model's layout.
        port = self._outputs.get(name)
        return value[None] if port is None else self._to_device(name, port, value[None])

    def _to_device(self, name: str, port: Port, values: Float32) -> Float32:
        """`[n, *model shape]` of a port to `[n, *device shape]` of a tensor."""
        moved = values.transpose(0, *(axis + 1 for axis in port.perm))
        return np.ascontiguousarray(moved).reshape(len(values), *self.graph.tensors[name].shape)
