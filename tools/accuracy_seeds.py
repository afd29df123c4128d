"""Defaults over seeds of the calibration sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from bench import Subject, quality, sqnr_db
from numpy.typing import NDArray

from mcuq.options import QuantOptions

SEEDS = 5
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
    yield (
        "| model | agreement, mean | worst | quality less float, mean | worst | SQNR, dB, mean | worst "
        "| ties | float's lead where they disagree, median | largest |"
    )
    yield "|---" * 10 + "|"
    for subject in subjects:
        found = [_measure(subject, seed) for seed in range(SEEDS)]
        is_ad = subject.entry.task == "ad"
        shown = [] if is_ad else [f"{v:.2%}" for v in _mean_and_worst([each.agreement for each in found])]
        drops = _mean_and_worst([each.difference for each in found])
        shown += [f"{v:+.4f} AUC" if is_ad else f"{100 * v:+.2f} points" for v in drops]
        shown += [f"{v:.1f}" for v in _mean_and_worst([each.sqnr for each in found])]
        if not is_ad:
            gaps = np.concatenate([each.gaps for each in found])
            shown.append(f"{np.mean([each.ties for each in found]):.2%}")
            shown += [f"{v:.3f}" for v in (np.median(gaps), gaps.max())] if len(gaps) else ["-", "-"]
        cells = ["-", "-", *shown, "-", "-", "-"] if is_ad else shown
        yield f"| {subject.entry.name} | {' | '.join(cells)} |"


def _mean_and_worst(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), min(values)


def _measure(subject: Subject, seed: int) -> Measured:
    options = dataclasses.replace(QuantOptions(sampling="stratified"), seed=seed)
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
