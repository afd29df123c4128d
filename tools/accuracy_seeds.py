"""Defaults and other widths over seeds of the calibration sample."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator

import numpy as np
from bench import Subject, quality, sqnr_db
from numpy.typing import NDArray

from mcuq.options import QuantOptions

SEEDS = 5
STRATIFIED = QuantOptions(sampling="stratified")
_WIDE_OUTPUTS = dataclasses.replace(STRATIFIED, output_types={"": "int16"})
WIDTHS = {
    "int16 outputs": _WIDE_OUTPUTS,
    "int16 activations": dataclasses.replace(STRATIFIED, activation_bits=16),
    "int16 activations and outputs": dataclasses.replace(_WIDE_OUTPUTS, activation_bits=16),
    "int4 weights": dataclasses.replace(STRATIFIED, weight_bits=4),
}
_ERRORS = (0.02, 0.05, 0.10, 0.15, 0.20, 0.30, 0.40)
_COLUMNS = (
    "| agreement, mean | worst | quality less float, mean | worst | SQNR, dB, mean | worst "
    "| ties | float's lead where they disagree, median | largest |"
)
FloatArray = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Measured:
    """One build on the evaluation half.

    Args:
        agreement: share of samples whose largest output is the float model's.
        difference: quality less the float model's.
        sqnr: of the outputs, dB.
        ties: samples whose two largest outputs are one code, of which the first counts.
        gaps: what lies between the float model's two largest outputs where the build disagrees, `[k]`.
    """

    agreement: float
    difference: float
    sqnr: float
    ties: float
    gaps: FloatArray


def seed_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Builds whose calibration samples other seeds choose, and where they disagree with the float model."""
    yield f"| model {_COLUMNS}"
    yield "|---" * 10 + "|"
    for subject in subjects:
        yield f"| {subject.entry.name} | {_row(subject, STRATIFIED)} |"


def width_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """The same of builds with other widths."""
    yield f"| model | widths {_COLUMNS}"
    yield "|---" * 11 + "|"
    for subject in subjects:
        for name, options in WIDTHS.items():
            yield f"| {subject.entry.name} | {name} | {_row(subject, options)} |"


def margin_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Which agreement an error of close decisions allows, by the float model's leads alone.

    Where the difference of the two largest logits has a normal error of deviation s, a sample whose lead is m
    gets another class with a chance of `Phi(-m / s)`.
    """
    yield "| model | " + " | ".join(f"{error:.2f}" for error in _ERRORS) + " |"
    yield "|---" * (1 + len(_ERRORS)) + "|"
    for subject in subjects:
        leads = _lead(np.log(np.maximum(subject.reference, 1e-30)))
        kept = [1 - np.mean([0.5 * math.erfc(m / s / math.sqrt(2)) for m in leads]) for s in _ERRORS]
        yield f"| {subject.entry.name} | {' | '.join(f'{each:.2%}' for each in kept)} |"


def _row(subject: Subject, options: QuantOptions) -> str:
    """The cells of `_COLUMNS`."""
    found = [_measure(subject, dataclasses.replace(options, seed=seed)) for seed in range(SEEDS)]
    is_ad = subject.entry.task == "ad"
    shown = [] if is_ad else [f"{v:.2%}" for v in _mean_and_worst([each.agreement for each in found])]
    drops = _mean_and_worst([each.difference for each in found])
    shown += [f"{v:+.4f} AUC" if is_ad else f"{100 * v:+.2f} points" for v in drops]
    shown += [f"{v:.1f}" for v in _mean_and_worst([each.sqnr for each in found])]
    if not is_ad:
        gaps = np.concatenate([each.gaps for each in found])
        shown.append(f"{np.mean([each.ties for each in found]):.2%}")
        shown += [f"{v:.3f}" for v in (np.median(gaps), gaps.max())] if len(gaps) else ["-", "-"]
    return " | ".join(["-", "-", *shown, "-", "-", "-"] if is_ad else shown)


def _mean_and_worst(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), min(values)


def _measure(subject: Subject, options: QuantOptions) -> Measured:
    outputs, real = subject.outputs(subject.build(options)), subject.reference
    differs = outputs.argmax(axis=1) != real.argmax(axis=1)
    return Measured(
        float(1 - differs.mean()),
        quality(subject, outputs) - quality(subject, real),
        sqnr_db(real, outputs),
        float((_lead(outputs) == 0).mean()),
        _lead(real)[differs],
    )


def _lead(outputs: FloatArray) -> FloatArray:
    """By how much the largest output exceeds the second, `[n]`."""
    ordered = np.sort(outputs, axis=1)
    return ordered[:, -1] - ordered[:, -2]
