"""Choices of defaults, measured on splits of the calibration data alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from ablation import VARIANTS
from ablation import Subject as Split
from bench import Subject

from mcuq.options import QuantOptions

FACTORS = (1.0, 1.05, 1.1, 1.2, 1.3)
SEEDS = 3


def headroom_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """SQNR of the logits on the samples that did not calibrate, by headroom; the mean of three splits."""
    yield f"| model | {' | '.join(f'{factor}' for factor in FACTORS)} |"
    yield "|---" * (len(FACTORS) + 1) + "|"
    methods, is_equalized = VARIANTS["+ equalization"]
    for subject in subjects:
        cells = []
        for factor in FACTORS:
            splits = [
                Split(subject.entry, seed, False, QuantOptions(headroom=factor)) for seed in range(SEEDS)
            ]
            found = [split.measure(split.compile(methods, is_equalized, 8))[0] for split in splits]
            cells.append(f"{np.mean(found):.1f} dB")
        yield f"| {subject.entry.name} | {' | '.join(cells)} |"
