"""Ranges of what was counted, as the options say."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from mcuq.calibrate.headroom import add_headroom
from mcuq.calibrate.methods import AUTO, DEFAULT_METHOD, METHODS
from mcuq.calibrate.overrides import override_ranges, resolve_overrides
from mcuq.calibrate.params import Range, Scheme
from mcuq.calibrate.percentile import percentile
from mcuq.calibrate.ranges import Ranges, calibrated_tensors, choose_ranges, state_groups
from mcuq.calibrate.store import TensorStore
from mcuq.calibrate.ties import resolve_ties, tie_ranges
from mcuq.ir.graph import Graph
from mcuq.ir.types import DType
from mcuq.options import CalibrationMethod, QuantOptions
from mcuq.settings import Override

NO_METHODS: Mapping[str, str] = MappingProxyType({})


def ranges_of(
    graph: Graph,
    stores: Mapping[str, TensorStore],
    options: QuantOptions,
    methods: Mapping[str, str] = NO_METHODS,
) -> Ranges:
    """The ranges that the options choose for what was counted.

    Args:
        graph: stage CANONICAL.
        stores: of its inputs and calibrated tensors, or some of these.
        options: how to quantize.
        methods: of `choose_methods`; tensors without one have the default where the options say auto.
    """
    if options.method != AUTO:
        return ranges_by(graph, stores, options, options.method)
    wanted = dict.fromkeys((DEFAULT_METHOD, *methods.values()))
    by_method = {name: ranges_by(graph, stores, options, name) for name in wanted}
    tensors = {
        name: by_method[methods.get(name, DEFAULT_METHOD)].tensors[name]
        for name in by_method[DEFAULT_METHOD].tensors
    }
    return dataclasses.replace(by_method[DEFAULT_METHOD], tensors=tensors)


def ranges_by(graph: Graph, stores: Mapping[str, TensorStore], options: QuantOptions, method: str) -> Ranges:
    """The ranges that one method chooses for what was counted, as far as the options leave them open.

    Model inputs are ranged by what was seen, or by the user, and never clipped by a search.

    Args:
        graph: stage CANONICAL.
        stores: of its inputs and calibrated tensors, or some of these.
        options: how to quantize.
        method: a name of `METHODS`.
    """
    ports = {port.name: port.tensor for port in graph.inputs}
    if options.method != method:
        options = dataclasses.replace(options, method=cast(CalibrationMethod, method))
    choose = METHODS[method]
    if method == "percentile":
        choose = functools.partial(percentile, percent=options.percentile)
    given = {ports[name]: Range(*limits) for name, limits in options.input_ranges.items()}
    wide = {each.output for each in graph.nodes if each.op.measured_type is DType.INT16}
    unclipped = (*ports.values(), *wide)
    chosen = choose_ranges(stores, Scheme(options.activations), choose, unclipped, given)
    overrides = resolve_overrides(graph, calibrated_tensors(graph), options.overrides)
    chosen = override_ranges(chosen, stores, overrides, options)
    searched = [
        name for name in chosen.tensors if has_headroom(options, overrides.get(name)) and name not in wide
    ]
    widened = add_headroom(graph, chosen, stores, searched, options.headroom)
    return tie_ranges(widened, stores, (*resolve_ties(graph, options.ties), *state_groups(graph)))


def has_headroom(options: QuantOptions, override: Override | None) -> bool:
    """Whether the range of a tensor may be widened: the default method chose it, nobody else."""
    if override is None:
        return options.method == DEFAULT_METHOD
    return override.range is None and (override.method or options.method) == DEFAULT_METHOD
