"""One run of the float model over calibration samples: ranges, and whatever else the build wants of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mcuq.calibrate.clipping import clipping_warnings
from mcuq.calibrate.data import Samples
from mcuq.calibrate.methods import AUTO, DEFAULT_METHOD
from mcuq.calibrate.overrides import resolve_overrides
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.ranges import Ranges, calibrated_tensors
from mcuq.calibrate.run import Listener, Progress, StoreCollector
from mcuq.calibrate.store import TensorStore
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.types import Float32, Int64
from mcuq.options import QuantOptions
from mcuq.pipeline.choosing import choose_methods
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.inspection import Inspection, visible_normalizations
from mcuq.pipeline.ranging import ranges_of
from mcuq.quantize.equalize.judged import judged_tensors
from mcuq.quantize.equalize.statistics import ChannelCollector, ChannelStats
from mcuq.quantize.reference import LEAST_SAMPLES, Reference, ReferenceCollector, is_held_out
from mcuq.settings import has_ranges, narrowest_weights, widest_activations

# Weights are fitted layer by layer, with what the layers before give for all of these samples in memory.
MOST_FITTED = 128


def fitting_indices(count: int) -> Int64:
    """Which of the samples weights are fitted to and judged by: all, or so many of them, evenly spread."""
    fitted = min(count, MOST_FITTED)
    return np.arange(fitted) * count // fitted


@dataclasses.dataclass(frozen=True, slots=True)
class ChannelTruth:
    """What equalization weighs and is judged by.

    Args:
        channels: statistics of all activations.
        held_out: samples that it is judged by.
        judged: what the float model gives for these, `[n, *device shape]` by `judged_tensors`.
    """

    channels: Mapping[str, ChannelStats]
    held_out: Samples
    judged: Mapping[str, Float32]


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a build wants of the float model besides ranges.

    Args:
        fits_weights: what weights are fitted to.
        equalizes: what equalization needs.
        aims: what weights aim at beside layers of fewer than 8 bits, and behind activations of 16.
        chooses: what a method is chosen by, tensor by tensor.
    """

    fits_weights: bool = False
    equalizes: bool = False
    aims: bool = False
    chooses: bool = False

    @classmethod
    def by(cls, options: QuantOptions, samples: int) -> Wanted:
        """What options make use of; of samples too few to hold one out, nothing could be learned."""
        is_enough = samples >= LEAST_SAMPLES
        return cls(
            fits_weights=is_enough and options.weight_rounding != "nearest",
            # Settings of single tensors are in the units of the model, which equalization changes.
            equalizes=is_enough and options.equalize != "off" and not has_ranges(options.overrides),
            aims=min(options.weight_bits, narrowest_weights(options.overrides)) < 8
            or max(options.activation_bits, widest_activations(options.overrides)) > 8,
            chooses=is_enough and options.method == AUTO,
        )


def ranges_alone(options: QuantOptions) -> QuantOptions:
    """The options where ranges are all that is wanted of the samples."""
    return dataclasses.replace(options, weight_rounding="nearest", equalize="off")


@dataclasses.dataclass(frozen=True, slots=True)
class Observed:
    """What the float model showed.

    Args:
        ranges: of its calibrated tensors.
        reference: what weights are fitted to, None where they are rounded to nearest.
        channels: for equalization, None where it is not tried.
        warnings: what is suspicious about the samples.
        stores: what ranges were chosen from, for who chooses them otherwise.
        methods: by tensor, where they were chosen one by one and are not the default.
    """

    ranges: Ranges
    reference: Reference | None
    channels: ChannelTruth | None
    warnings: tuple[str, ...] = ()
    stores: Mapping[str, TensorStore] = dataclasses.field(default_factory=dict)
    methods: Mapping[str, str] = dataclasses.field(default_factory=dict)


def observe(
    graph: Graph,
    samples: Samples,
    options: QuantOptions,
    wanted: Wanted,
    progress: Progress | None = None,
    model: Model | None = None,
) -> Observed:
    """Run the float model once over all samples, in one session, and keep what the build wants.

    Args:
        graph: stage CANONICAL.
        samples: calibration samples.
        options: how to quantize.
        wanted: what to keep besides ranges.
        progress: called after each sample.
        model: as read, to warn about the samples; None: they are not looked at.

    Raises:
        McuqError: M002 or I001 of onnxruntime, Q001 where too much is not finite.
    """
    tensors = calibrated_tensors(graph)
    stores = StoreCollector(tensors)
    listeners = [Listener(tensors, stores.take)]
    fitted = fitting_indices(len(samples))
    reference = ReferenceCollector(graph, len(fitted), wanted.aims) if wanted.fits_weights else None
    if reference is not None:
        listeners.append(Listener(reference.tensors, reference.take, frozenset(fitted.tolist())))
    channels = _ChannelTruthCollector(graph, fitted) if wanted.equalizes else None
    if channels is not None:
        listeners += channels.listeners()
    chooser = _Chooser(graph, samples, fitted) if wanted.chooses else None
    if chooser is not None:
        listeners.append(chooser.listener())
    normalizations = () if model is None else visible_normalizations(model)
    names = [name for each in listeners for name in each.tensors]
    as_read = None if model is None else model.graph
    run = FloatRun(graph, names, as_read, [each.x for each in normalizations])
    inspection = None if model is None else Inspection(run, graph, samples, normalizations)
    if inspection is not None:
        listeners += inspection.listeners()
    run.listen(samples, listeners, progress)
    counted = stores.stores()
    methods: Mapping[str, str] = {} if chooser is None else chooser.methods(options)
    ranges = ranges_of(graph, counted, options, methods)
    warnings: tuple[str, ...] = ()
    if inspection is not None:
        warnings = (*inspection.warnings(ranges), *_clipped(graph, ranges, stores, options))
    return Observed(
        ranges,
        None if reference is None else reference.reference(),
        None if channels is None else channels.truth(samples),
        warnings,
        counted,
        methods,
    )


def _clipped(graph: Graph, ranges: Ranges, stores: StoreCollector, options: QuantOptions) -> tuple[str, ...]:
    """Warnings where the method of the options cuts off too much; configured tensors are the user's."""
    if options.method in (DEFAULT_METHOD, AUTO):
        return ()
    given = {port.tensor for port in graph.inputs}
    overrides = resolve_overrides(graph, calibrated_tensors(graph), options.overrides)
    names = [name for name in ranges.tensors if name not in given and name not in overrides]
    scheme = Scheme(options.activations)
    return tuple(clipping_warnings(ranges, stores.stores(), scheme, options.method, names))


class _Chooser:
    """Gathers what `choose_methods` chooses by: of the samples that weights are fitted to, those that are."""

    def __init__(self, graph: Graph, samples: Samples, fitted: Int64) -> None:
        self._graph, self._tensors = graph, calibrated_tensors(graph)
        places = list(enumerate(fitted.tolist()))
        self._fitted = frozenset(index for place, index in places if not is_held_out(place))
        self._held_out = samples.take([index for place, index in places if is_held_out(place)])
        self._stores = StoreCollector(self._tensors)

    def listener(self) -> Listener:
        return Listener(self._tensors, self._stores.take, self._fitted)

    def methods(self, options: QuantOptions) -> Mapping[str, str]:
        return choose_methods(self._graph, self._stores.stores(), self._held_out, options)


class _ChannelTruthCollector:
    """Gathers what equalization needs."""

    def __init__(self, graph: Graph, fitted: Int64) -> None:
        self._tensors = (*(port.tensor for port in graph.inputs), *(node.output for node in graph.nodes))
        self._judged = judged_tensors(graph)
        self._held_out = [index for place, index in enumerate(fitted.tolist()) if is_held_out(place)]
        self._channels = ChannelCollector()
        self._values: dict[str, list[Float32]] = {name: [] for name in self._judged}

    def listeners(self) -> tuple[Listener, ...]:
        return (
            Listener(self._tensors, self._channels.take),
            Listener(self._judged, self._keep, frozenset(self._held_out)),
        )

    def _keep(self, values: Mapping[str, Float32]) -> None:
        for name, parts in self._values.items():
            parts.append(values[name].copy())

    def truth(self, samples: Samples) -> ChannelTruth:
        judged = {name: np.concatenate(parts) for name, parts in self._values.items()}
        return ChannelTruth(self._channels.stats(), samples.take(self._held_out), judged)


def measure_ranges(
    run: FloatRun,
    samples: Samples,
    options: QuantOptions,
    progress: Progress | None = None,
    names: Sequence[str] | None = None,
) -> Ranges:
    """Ranges alone, from a float model that stays open for other samples.

    Args:
        run: opened for the tensors that are measured.
        samples: values of its inputs.
        options: how to quantize.
        progress: called after each sample.
        names: what is measured besides the inputs; None for all calibrated tensors.
    """
    inputs = (port.tensor for port in run.graph.inputs)
    names = calibrated_tensors(run.graph) if names is None else names
    tensors = tuple(dict.fromkeys((*inputs, *names)))
    stores = StoreCollector(tensors)
    run.listen(samples, [Listener(tensors, stores.take)], progress)
    return ranges_of(run.graph, stores.stores(), options)
