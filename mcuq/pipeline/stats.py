"""Statistics: confidence interval of an accuracy difference, sensitivity of ranges to the samples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from mcuq.calibrate.data import Samples
from mcuq.calibrate.ranges import Ranges, calibrated_tensors
from mcuq.calibrate.run import Progress, run_float
from mcuq.ir.graph import Graph
from mcuq.ir.model import Model
from mcuq.ir.types import Float64
from mcuq.ops.onnx.write import write_graph
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibrate import Stored
from mcuq.pipeline.calibration import (
    CalibrationData,
    check_input_ranges,
    chosen_samples,
    read_calibration,
    tie_model,
)
from mcuq.pipeline.compile import compile_model
from mcuq.pipeline.float_run import FloatRun
from mcuq.pipeline.measure import measure_ranges, ranges_alone
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_program

RESAMPLES = 1000
_TAIL = 0.025
_BLOCK = 1 << 22  # indices at a time
SEEDS = 3
_MEASURED = 32


def bootstrap_ci(differences: Float64, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of a mean: percentiles of the means of 1000 resamples, drawn with replacement.

    Args:
        differences: `[n]`, one per sample; pairing the two sides leaves out what they share.
        seed: of the draws; the same everywhere, as only the raw stream of the generator is used.
    """
    bits, count = np.random.PCG64(seed), len(differences)
    rows = max(1, _BLOCK // count)
    means: list[Float64] = []
    for start in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - start)
        drawn = (bits.random_raw(size * count) % np.uint64(count)).astype(np.int64)
        means.append(differences[drawn].reshape(size, count).mean(axis=1))
    ordered = np.sort(np.concatenate(means))
    low = round(_TAIL * (RESAMPLES - 1))
    return float(ordered[low]), float(ordered[RESAMPLES - 1 - low])


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """Ranges of one choice of samples beside those of all of them.

    Args:
        samples: how many.
        seed: of their choice.
        change: largest change of a tensor's range, as a share of its width.
        tensor: whose range that is.
        sqnr_db: of the outputs against the float model, None where there is no error.
    """

    samples: int
    seed: int
    change: float
    tensor: str
    sqnr_db: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class Sensitivity:
    """How ranges depend on the samples.

    Args:
        trials: by number of samples, then seed; the first of the last number is what the others are held to.
        worst: the three tensors whose ranges change most, with the change.
    """

    trials: tuple[Trial, ...]
    worst: tuple[tuple[str, float], ...]


def measure_sensitivity(
    model: Model, data: CalibrationData, options: QuantOptions, progress: Progress | None = None
) -> Sensitivity:
    """Choose ranges again for an eighth, a quarter, half and all of the samples, with three seeds each.

    Args:
        model: as read.
        data: calibration samples.
        options: how to quantize; weights are rounded to nearest, which is what can be done in time.
        progress: called after each trial.
    """
    graph = canonicalize(tie_model(model, options).graph)
    check_input_ranges(graph, options.input_ranges)
    options = ranges_alone(options)
    measured = _measured_samples(graph, data)
    real = _outputs_float(graph, measured)
    full = chosen_samples(graph, data, options)
    run = FloatRun(graph, calibrated_tensors(graph))
    found = [
        (each, measure_ranges(run, chosen_samples(graph, data, each), each))
        for each in _plan(options, len(full))
    ]
    reference = found[-SEEDS][1]
    trials, most = [], dict.fromkeys(reference.tensors, 0.0)
    for number, (each, ranges) in enumerate(found, 1):
        changes = {name: _change(reference, ranges, name) for name in reference.tensors}
        most = {name: max(most[name], change) for name, change in changes.items()}
        tensor = max(changes, key=lambda name: changes[name])
        program = compile_model(Stored(graph, ranges, model.sha256, ()), each).by_sample
        codes = quantize_inputs(program, {name: measured.array(name) for name in measured.names})
        got = dequantize_outputs(program, simulate_program(program, codes))
        flat = np.concatenate([got[port.name].reshape(-1) for port in program.outputs]).astype(np.float64)
        trials.append(Trial(each.samples, each.seed, changes[tensor], tensor, _sqnr(real, flat)))
        if progress is not None:
            progress(number, len(found))
    worst = sorted(most.items(), key=lambda item: (-item[1], item[0]))[:3]
    return Sensitivity(tuple(trials), tuple(worst))


def _plan(options: QuantOptions, available: int) -> Iterator[QuantOptions]:
    counts = sorted({max(1, available // part) for part in (8, 4, 2, 1)})
    for count in counts:
        for seed in range(options.seed, options.seed + SEEDS):
            yield dataclasses.replace(options, samples=count, seed=seed)


def _measured_samples(graph: Graph, data: CalibrationData) -> Samples:
    """Samples for the SQNR, spread over all that there are."""
    samples = read_calibration(graph, data)
    count = min(len(samples), _MEASURED)
    return samples.take(np.arange(count) * len(samples) // count)


def _outputs_float(graph: Graph, samples: Samples) -> Float64:
    names = [port.name for port in graph.outputs]
    found = run_float(write_graph(graph), samples, names)
    return np.concatenate([found[name].reshape(-1) for name in names]).astype(np.float64)


def _change(reference: Ranges, ranges: Ranges, name: str) -> float:
    """The larger move of the two limits, as a share of the reference's width."""
    a, b = reference[name], ranges[name]
    moved = max(abs(a.lo - b.lo), abs(a.hi - b.hi))
    return moved / (a.hi - a.lo) if a.hi > a.lo else float(moved > 0)


def _sqnr(real: Float64, found: Float64) -> float | None:
    signal, noise = float((real**2).sum()), float(((real - found) ** 2).sum())
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None
