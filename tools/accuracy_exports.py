"""Exported QDQ models beside the simulator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from bench import Subject
from numpy.typing import NDArray

from mcuq.calibrate.session import open_session
from mcuq.options import QuantOptions
from mcuq.pipeline.export import export

COUNT = 200


def export_rows(subjects: Iterable[Subject]) -> Iterator[str]:
    """Output codes that onnxruntime gives without optimizations, on 200 samples."""
    yield "| model | outputs | equal | within one code | with `--plain`, equal | within one code |"
    yield "|---|---|---|---|---|---|"
    for subject in subjects:
        shares = [codes_off(subject, is_plain) for is_plain in (False, True)]
        cells = [f"{(off < 0.5).mean():.2%} | {(off < 1.5).mean():.2%}" for off in shares]
        yield f"| {subject.entry.name} | {shares[0].size:,} | {' | '.join(cells)} |"


def codes_off(subject: Subject, is_plain: bool) -> NDArray[np.float64]:
    """By how many codes every output differs from the simulator's."""
    firmware = subject.build(QuantOptions())
    path = subject.folder / "exported.onnx"
    export(subject.folder / "firmware", "qdq", path, is_plain=is_plain)
    session = open_session(path, is_optimized=False)
    program = firmware.plan.program
    port = program.inputs[0]
    chosen = np.arange(COUNT) * len(subject.data.eval_x) // COUNT
    values = subject.data.eval_x[chosen].reshape(-1, *port.model_shape)
    found = np.stack([session.run(None, {port.name: each})[0].reshape(-1) for each in values])
    expected = subject.outputs(firmware)[chosen]
    step = program.tensors[program.outputs[0].tensor].quant.step
    return np.asarray(np.abs(found - expected) / step)
