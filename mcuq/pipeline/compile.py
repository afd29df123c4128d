"""From a canonical graph with ranges to a program."""

from __future__ import annotations

import dataclasses

from mcuq.calibrate.drift import to_seen
from mcuq.calibrate.params import Scheme
from mcuq.calibrate.state import untied
from mcuq.calibrate.ties import check_ties
from mcuq.interchange.apply import quantize_matched
from mcuq.ir.encodings import Note
from mcuq.ir.graph import Graph
from mcuq.ir.integer import Rounding
from mcuq.ir.program import Origin, Program
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import Calibrated, Imported, Measured
from mcuq.quantize.activation_widths import check_widths_are_free, resolve_widths
from mcuq.quantize.adjust import adjust_graph
from mcuq.quantize.lower import lower_graph
from mcuq.quantize.quantize import quantize_graph
from mcuq.quantize.report import WeightReport
from mcuq.quantize.rounding.choose import Methods
from mcuq.quantize.weight_widths import check_weights_are_free, weight_bits


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A program, and what was done to its weights.

    Args:
        program: the model in integers.
        calibrated: what it was compiled from.
        weights: what adjusting the weights did; None: they were rounded to nearest.
        imported: what became of parameters that came with the model or in a file.
        apart: the same without state, None where there is none.
    """

    program: Program
    calibrated: Calibrated
    weights: WeightReport | None = None
    imported: tuple[Note, ...] = ()
    apart: Program | None = None

    @property
    def by_sample(self) -> Program:
        """The program that computes every sample alone: state is one input and one output more."""
        return self.program if self.apart is None else self.apart


def compile_model(calibrated: Calibrated, options: QuantOptions) -> Compiled:
    """Quantize and lower a calibrated model; weights are adjusted where there is what to fit them to."""
    is_per_channel = options.weights == "per-channel"
    scheme, rounding = Scheme(options.activations), Rounding(options.rounding)
    graph, ranges = calibrated.graph, calibrated.ranges
    widths = resolve_widths(graph, ranges, options)
    bits = weight_bits(graph, options)
    match calibrated:
        case Imported(encodings=encodings):
            check_weights_are_free(options)
            # Nothing adjusts weights whose scales are given.
            asked = dataclasses.replace(options, weight_rounding="nearest")
            check_widths_are_free(options)
            quantized, notes = quantize_matched(encodings, ranges, scheme, is_per_channel)
            return _lower(quantized, calibrated, asked, imported=notes)
        case Measured(reference=reference) if reference is not None and options.weight_rounding != "nearest":
            methods = Methods(rounding=options.weight_rounding)
            quantized, report = adjust_graph(
                graph, ranges, scheme, rounding, reference, methods, is_per_channel, widths=widths, bits=bits
            )
            return _lower(quantized, calibrated, options, report)
        case _:
            quantized = quantize_graph(graph, ranges, scheme, is_per_channel, widths, bits)
            return _lower(quantized, calibrated, options)


def _lower(
    quantized: Graph,
    calibrated: Calibrated,
    options: QuantOptions,
    report: WeightReport | None = None,
    imported: tuple[Note, ...] = (),
) -> Compiled:
    """The program, with a record of how it came about."""
    found = () if report is None else report.record()
    if isinstance(calibrated, Measured):
        found = (*found, *((f"auto.{name}", method) for name, method in calibrated.methods.items()))
    recorded = tuple(sorted((*options.record(), *calibrated.recorded, *found)))
    origin = Origin(calibrated.model_sha256, calibrated.source, recorded, to_seen(calibrated.ranges))
    rounding = Rounding(options.rounding)
    program = lower_graph(quantized, rounding, origin)
    check_ties(program, options.ties)
    apart = lower_graph(untied(quantized), rounding, origin) if program.state else None
    return Compiled(program, calibrated, report, imported, apart)
