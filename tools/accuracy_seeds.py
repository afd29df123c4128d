"""Defaults over seeds of the calibration sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from bench import Subject, quality, sqnr_db

from mcuq.options import QuantOptions

SEEDS = 5


def seed_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Agreement, difference of quality and SQNR of builds whose calibration samples other seeds choose."""
    yield "| model | agreement, mean | worst | quality less float, mean | worst | SQNR, dB, mean | worst |"
    yield "|---|---|---|---|---|---|---|"
    for subject in subjects:
        rows = np.array([_measured(subject, seed) for seed in range(SEEDS)])
        mean, worst = rows.mean(axis=0), rows.min(axis=0)
        is_ad = subject.entry.task == "ad"
        agreement = ("-", "-") if is_ad else (f"{mean[0]:.2%}", f"{worst[0]:.2%}")
        drop = [f"{v:+.4f} AUC" if is_ad else f"{100 * v:+.2f} points" for v in (mean[1], worst[1])]
        cells = (*agreement, *drop, f"{mean[2]:.1f}", f"{worst[2]:.1f}")
        yield f"| {subject.entry.name} | {' | '.join(cells)} |"


def _measured(subject: Subject, seed: int) -> tuple[float, float, float]:
    """Agreement, quality less the float model's, and SQNR in dB of one build."""
    options = dataclasses.replace(QuantOptions(sampling="stratified"), seed=seed)
    outputs = subject.outputs(subject.build(options))
    agreement = float((outputs.argmax(axis=1) == subject.reference.argmax(axis=1)).mean())
    difference = quality(subject, outputs) - quality(subject, subject.reference)
    return agreement, difference, sqnr_db(subject.reference, outputs)
