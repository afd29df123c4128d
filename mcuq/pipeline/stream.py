"""Builds that take one hop of a window, and windows as hops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mcuq.errors import fail
from mcuq.ir.program import Program
from mcuq.ir.types import Array, Float32, Shape
from mcuq.options import QuantOptions
from mcuq.simulator.ports import dequantize_outputs, quantize_inputs
from mcuq.simulator.simulate import simulate_together
from mcuq.stream.stream import StreamRecord, stream_program

# Windows that are computed beside each other.
_TOGETHER = 64


def apply_stream(program: Program, options: QuantOptions) -> Program:
    """The program as the stream that the options ask for, if they do.

    Raises:
        McuqError: as `stream_program`; O013 for a hop without a stream.
    """
    if options.stream is None:
        if options.hop is not None:
            raise fail(
                "O013",
                "an option needs another one",
                where=f"--hop {options.hop}",
                why="a hop is of a stream",
                fix="add --stream AXIS, the axis of the model's inputs along which time lies",
            )
        return program
    return stream_program(program, options.stream, options.hop)


def window_shape(record: StreamRecord, shape: Shape) -> Shape:
    """The shape of a window of an input that is given hops of this shape."""
    return (*shape[: record.axis], record.window, *shape[record.axis + 1 :])


def hops_of(record: StreamRecord, windows: Mapping[str, Array], runs: int) -> Iterator[dict[str, Array]]:
    """Windows cut into hops, the oldest first; behind the end of a window its last columns are repeated.

    Args:
        record: of the stream.
        windows: `[n, *shape]` by input.
        runs: how many hops.
    """
    for run in range(runs):
        columns = np.arange(run * record.hop, (run + 1) * record.hop).clip(max=record.window - 1)
        yield {name: np.take(array, columns, axis=record.axis + 1) for name, array in windows.items()}


def window_runs(record: StreamRecord, program: Program) -> int:
    """How many runs it takes until every column of a window's outputs is computed."""
    runs = -(-record.window // record.hop)
    for output, port in zip(record.outputs, program.outputs, strict=True):
        per_run = 1 if output.axis is None else port.model_shape[output.axis]
        runs = max(runs, -(-record.window // record.hop) + -(-max(output.delay, 0) // per_run))
        if output.axis is None:
            runs = max(runs, output.delay + 1)
    return runs


def stream_windows(
    program: Program, record: StreamRecord, windows: Mapping[str, Float32], columns: Mapping[str, int]
) -> dict[str, Float32]:
    """What the stream gives for windows, each from its reset on.

    Args:
        program: the stream.
        record: of it.
        windows: real values `[n, *shape of the window]` by input.
        columns: of each output of the whole window that has an axis of time.

    Returns:
        Real values as the model has them, `[n, *shape]` by output.
    """
    parts = [
        _together(program, record, {name: x[at : at + _TOGETHER] for name, x in windows.items()}, columns)
        for at in range(0, len(next(iter(windows.values()))), _TOGETHER)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _together(
    program: Program, record: StreamRecord, windows: Mapping[str, Float32], columns: Mapping[str, int]
) -> dict[str, Float32]:
    hops = hops_of(record, windows, window_runs(record, program))
    runs = simulate_together(program, (quantize_inputs(program, hop) for hop in hops))
    found = [dequantize_outputs(program, codes) for codes in runs]
    values = {}
    for output in record.outputs:
        runs_of = [each[output.name] for each in found]
        if output.axis is None:
            values[output.name] = runs_of[output.delay]
            continue
        whole = np.concatenate(runs_of, axis=output.axis + 1)
        wanted = np.arange(columns[output.name]) + output.delay
        values[output.name] = np.take(whole, wanted.clip(min=0), axis=output.axis + 1)
    return values
