"""Where the noise of default builds comes from, by `mcuq analyze`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from bench import Subject

from mcuq.options import QuantOptions
from mcuq.pipeline.analyze import analyze
from mcuq.pipeline.calibration import CalibrationData

COUNT = 64
LARGEST = 4


def noise_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """What is measured on samples of the evaluation half, what parts add up to, and the largest of them."""
    yield (
        "| model | measured at | SQNR, dB | parts add up to | if independent | of weights "
        "| largest parts, with the gain without each |"
    )
    yield "|---" * 7 + "|"
    for subject in subjects:
        path = subject.folder / "eval_x.npy"
        np.save(path, subject.data.eval_x[:: max(len(subject.data.eval_x) // COUNT, 1)])
        data = CalibrationData(subject.folder / "cal_x.npy")
        noise = analyze(subject.entry.path, data, QuantOptions(), inputs=path, samples=COUNT)[0].noise
        weights = sum(part.share for part in noise.parts if part.kind == "weights")
        ranked = sorted(noise.parts, key=lambda part: -part.gain_db)[:LARGEST]
        largest = "; ".join(f"{part.kind} of `{part.layer}` {part.gain_db:+.1f} dB" for part in ranked)
        totals = [noise.sqnr_db, noise.predicted_db, noise.independent_db]
        shown = " | ".join("exact" if each is None else f"{each:.1f}" for each in totals)
        judged = ", ".join(f"`{name}`" for name in noise.judged)
        yield f"| {subject.entry.name} | {judged} | {shown} | {weights:.0%} | {largest} |"
