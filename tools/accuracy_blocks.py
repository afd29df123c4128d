"""Operators and blocks alone, at int8 in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import Subject

ROOT = Path(__file__).resolve().parents[1]


def block_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """SQNR of each block on random inputs of unit variance, calibrated by the defaults on the same ones."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from tests.onnx_models.isolated import BLOCKS, measured_db

    yield "| block | SQNR, dB |"
    yield "|---|---|"
    for name, (build, _) in BLOCKS.items():
        yield f"| {name} | {measured_db(build):.1f} |"
