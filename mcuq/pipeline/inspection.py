"""Warnings about calibration data, from the run of the float model that measures its ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mcuq.calibrate.data import Samples
from mcuq.calibrate.domain import DomainCollector, check_domain, domain_samples
from mcuq.calibrate.inspect import SampleInspector
from mcuq.calibrate.ranges import Ranges
from mcuq.calibrate.run import Listener
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.normalization import Normalization
from mcuq.ir.types import Float32
from mcuq.pipeline.float_run import FloatRun


def visible_normalizations(model: Model) -> tuple[Normalization, ...]:
    """Those whose input onnxruntime can return: a tensor of the model that is none of its ports."""
    graph = model.graph
    ports = {port.name for port in (*graph.inputs, *graph.outputs)}
    return tuple(
        each for each in model.normalizations if each.x not in ports and graph.producer(each.x) is not None
    )


class Inspection:
    """What is suspicious about calibration data: in itself, to the model, and in what the model computes.

    Args:
        run: the float model, opened for the inputs of the normalizations.
        graph: stage CANONICAL.
        samples: the calibration data.
        normalizations: the visible ones of the model.
    """

    def __init__(
        self, run: FloatRun, graph: Graph, samples: Samples, normalizations: Sequence[Normalization]
    ) -> None:
        """Look at nothing yet."""
        self._run, self._samples = run, samples
        self._inputs = tuple(port.tensor for port in graph.inputs)
        self._normalizations = normalizations
        self._of_samples = SampleInspector()
        self._domain = DomainCollector(normalizations)
        self._looked_at = domain_samples(len(samples))

    def listeners(self) -> Iterator[Listener]:
        """What the run has to show."""
        yield Listener(self._inputs, self._of_samples.take)
        if self._normalizations:
            names = tuple(self._run.names_as_read[each.x] for each in self._normalizations)
            chosen = frozenset(self._looked_at.tolist())
            yield Listener(names, lambda values: self._domain.take(self._as_read(values)), chosen)

    def warnings(self, ranges: Ranges) -> Iterator[str]:
        """A line for everything that was found.

        Args:
            ranges: what was measured on the samples.
        """
        yield from self._of_samples.warnings()
        if self._normalizations:
            samples = self._samples.take(self._looked_at)
            found = check_domain(
                self._normalizations, self._domain.divergences(), samples, self._values_as_read
            )
            if found is not None:
                yield found
        for name, dropped in ranges.dropped.items():
            yield f"{dropped} values of tensor '{name}' were NaN or infinite and were left out of its range"

    def _as_read(self, values: Mapping[str, Float32]) -> dict[str, Float32]:
        """The values under the model's names."""
        names = self._run.names_as_read
        return {each.x: values[names[each.x]] for each in self._normalizations if names[each.x] in values}

    def _values_as_read(self, samples: Samples, names: Sequence[str]) -> Iterator[dict[str, Float32]]:
        wanted = [self._run.names_as_read[name] for name in names]
        return (self._as_read(values) for values in self._run.values(samples, wanted))
