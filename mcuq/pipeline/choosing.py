"""`--calibration-method auto`: for each tensor the method whose range costs the network's outputs least."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from mcuq.analyze.floats import run_hybrid, tensor_values
from mcuq.calibrate.clipping import MOST_LOST_DB, lost_db
from mcuq.calibrate.data import Samples
from mcuq.calibrate.methods import DEFAULT_METHOD, METHODS
from mcuq.calibrate.overrides import resolve_overrides
from mcuq.calibrate.params import Range, Scheme, quant_params
from mcuq.calibrate.ranges import Ranges, calibrated_tensors
from mcuq.calibrate.store import TensorStore
from mcuq.ir.graph import Graph
from mcuq.ir.integer import dequantize_array, quantize_array
from mcuq.ir.types import Array, DType, Float32
from mcuq.options import QuantOptions
from mcuq.pipeline.ranging import ranges_by
from mcuq.quantize.activations import tensor_groups
from mcuq.quantize.equalize.judged import judged_tensors

# What another method has to gain of a tensor's error over the default, relative. Ranges without the default's
# headroom of 1.1 have 17 % less on samples that stay within what was seen, and lose more on others.
_MARGIN = 0.25


def choose_methods(
    graph: Graph, fitted: Mapping[str, TensorStore], held_out: Samples, options: QuantOptions
) -> dict[str, str]:
    """The method of every tensor for which another than the default is better.

    Each method's range is chosen from the fitted samples. The tensor alone is rounded to it, everything else
    is the float model, and the error of the judged tensors on the held-out samples decides. A method
    that clips any tensor too hard is not tried for this network, and tensors that share parameters keep the
    default.

    Args:
        graph: stage CANONICAL.
        fitted: stores of its calibrated tensors, of samples that are not held out.
        held_out: the others.
        options: how to quantize.

    Source: docs/calibration.md, methods.
    """
    scheme = Scheme(options.activations)
    by_method = _tried(graph, fitted, options)
    # An output that is an input or a constant has the same error whatever is chosen.
    judged = tuple(name for name in judged_tensors(graph) if graph.producer(name) is not None)
    names = _free_tensors(graph, by_method[DEFAULT_METHOD], options)
    values = tensor_values(graph, held_out, tuple(dict.fromkeys((*names, *judged))))
    real = {name: values[name] for name in judged}
    chosen: dict[str, str] = {}
    for name in names:
        tried = _candidates(by_method, name)
        if len(tried) < 2:
            continue
        rounded = [_rounded(values[name], each, scheme) for each in tried.values()]
        errors = _errors(graph, name, rounded, held_out, real)
        best = min(range(len(errors)), key=errors.__getitem__)
        if errors[best] < errors[0] * (1 - _MARGIN):
            chosen[name] = list(tried)[best]
    return chosen


def _free_tensors(graph: Graph, ranges: Ranges, options: QuantOptions) -> tuple[str, ...]:
    """Measured int8 tensors whose range a method chooses for them alone, where something computes them."""
    overrides = resolve_overrides(graph, calibrated_tensors(graph), options.overrides)
    groups = tensor_groups(graph, ranges.tied)
    shared = list(groups.values())
    return tuple(
        name
        for name, root in groups.items()
        if (node := graph.producer(name)) is not None
        and node.op.measured_type is DType.INT8
        and len(node.outputs) == 1
        and shared.count(root) == 1
        and name not in overrides
    )


def _tried(graph: Graph, fitted: Mapping[str, TensorStore], options: QuantOptions) -> dict[str, Ranges]:
    """Each method's ranges, the default's first, without those of methods that clip some tensor too hard."""
    scheme, plain = Scheme(options.activations), dataclasses.replace(options, overrides=())
    # The user's settings are the same for all methods, and say nothing of how these clip.
    measured = {name: ranges_by(graph, fitted, plain, name) for name in METHODS}
    names = _free_tensors(graph, measured[DEFAULT_METHOD], plain)
    kept = [
        method
        for method, ranges in measured.items()
        if method == DEFAULT_METHOD
        or all(lost_db(ranges[name], fitted[name], scheme) <= MOST_LOST_DB for name in names)
    ]
    if options == plain:
        return {method: measured[method] for method in kept}
    return {method: ranges_by(graph, fitted, options, method) for method in kept}


def _candidates(by_method: Mapping[str, Ranges], name: str) -> dict[str, Range]:
    """Each method's range of a tensor, without those that are another's, too."""
    found: dict[str, Range] = {}
    for method, ranges in by_method.items():
        if ranges[name] not in found.values():
            found[method] = ranges[name]
    return found


def _rounded(values: Float32, chosen: Range, scheme: Scheme) -> Float32:
    """Values as int8 codes of a range mean them."""
    quant = quant_params(chosen, scheme)
    codes = quantize_array(values, quant.step, quant.zero_point)
    return dequantize_array(codes, quant.step, quant.zero_point).astype(np.float32)


def _errors(
    graph: Graph, name: str, rounded: list[Float32], held_out: Samples, real: Mapping[str, Float32]
) -> list[float]:
    """Squared error of the judged tensors for each form of one tensor, relative to their power, summed."""
    count = len(rounded)
    samples: dict[str, Array] = {
        each: np.concatenate([held_out.array(each)] * count) for each in held_out.names
    }
    found = run_hybrid(graph, {name: np.concatenate(rounded)}, {}, samples, tuple(real))
    errors = [0.0] * count
    for judged, wanted in real.items():
        power = max(float(np.square(wanted, dtype=np.float64).sum()), 1e-300)
        for index, part in enumerate(np.split(found[judged], count)):
            difference = part.astype(np.float64) - wanted
            errors[index] += float(np.square(difference).sum()) / power
    return errors
