"""Warnings about calibration data."""

from __future__ import annotations

from collections.abc import Iterator

from mcuq.calibrate.data import Samples
from mcuq.calibrate.domain import check_domain
from mcuq.calibrate.inspect import inspect_samples
from mcuq.calibrate.ranges import Ranges
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.normalization import Normalization
from mcuq.onnxio.write import write_graph


def inspect_calibration(model: Model, samples: Samples, ranges: Ranges) -> Iterator[str]:
    """What is suspicious about calibration data: in itself, to the model, and in what the model computes.

    Args:
        model: as read.
        samples: the calibration data.
        ranges: what was measured on it.
    """
    yield from inspect_samples(samples)
    usable = [each for each in model.normalizations if _is_visible(model.graph, each)]
    if usable:
        found = check_domain(write_graph(model.graph, [each.x for each in usable]), usable, samples)
        if found is not None:
            yield found
    for name, dropped in ranges.dropped.items():
        yield f"{dropped} values of tensor '{name}' were NaN or infinite and were left out of its range"


def _is_visible(graph: Graph, each: Normalization) -> bool:
    """Whether onnxruntime can return what is normalized: a tensor of the model that is none of its ports."""
    ports = {port.name for port in (*graph.inputs, *graph.outputs)}
    return each.x not in ports and graph.producer(each.x) is not None
