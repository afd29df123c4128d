"""Streams held to the windows that they are of, code by code."""

from __future__ import annotations

import numpy as np

from mcuq.frontend import read
from mcuq.ir.program import Program
from mcuq.ir.types import Array
from mcuq.options import QuantOptions
from mcuq.pipeline.calibrate import calibrate_model
from mcuq.pipeline.compile import compile_model
from mcuq.simulator.ports import to_device, to_model
from mcuq.simulator.simulate import initial_state, simulate_program, simulate_sequence
from mcuq.stream.rewrite import StreamOutput
from mcuq.stream.stream import stream_record

OPTIONS = QuantOptions(samples=4, method="minmax")


def window_program(path) -> Program:
    """The program of a model file with ranges of noise."""
    return compile_model(calibrate_model(read(path), None, OPTIONS), OPTIONS).program


def _cut(array: Array, axis: int, start: int, stop: int) -> Array:
    return array[(slice(None),) * axis + (slice(start, stop),)]


def window_outputs(
    program: Program, frames: list[Array], axis: int, start: int, size: int
) -> dict[str, Array]:
    """What the program of windows gives for one of them, in the model's layout."""
    codes = [
        to_device(program, port, _cut(x, axis, start, start + size)[None])
        for port, x in zip(program.inputs, frames, strict=True)
    ]
    found = simulate_program(program, codes)
    return {port.name: to_model(port, y)[0] for port, y in zip(program.outputs, found, strict=True)}


def stream_outputs(program: Program, frames: list[Array], axis: int, hop: int) -> dict[str, Array]:
    """What the stream gives for all hops, `[runs, *shape]` in the model's layout."""
    runs = frames[0].shape[axis] // hop
    hops = [np.stack([_cut(x, axis, run * hop, (run + 1) * hop) for run in range(runs)]) for x in frames]
    codes = [to_device(program, port, x) for port, x in zip(program.inputs, hops, strict=True)]
    found, _ = simulate_sequence(program, codes, initial_state(program))
    return {port.name: to_model(port, y) for port, y in zip(program.outputs, found, strict=True)}


def random_frames(program: Program, axis: int, count: int, seed: int) -> list[Array]:
    """Codes of so many columns per input, in the model's layout."""
    rng = np.random.default_rng(seed)
    shapes = [
        tuple(count if place == axis else size for place, size in enumerate(port.model_shape))
        for port in program.inputs
    ]
    return [rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes]


def compare(
    program: Program, stream: Program, seed: int = 0, *, is_causal: bool = False
) -> dict[str, tuple[int, int]]:
    """Compare every output of a stream with that of every window that begins with a hop.

    Columns of an output that a stream computes one after the other are compared where no padding in front
    of the window reaches them.

    Args:
        program: of windows.
        stream: made of it.
        seed: of the data.
        is_causal: every layer pads in front by its reach; then the first window is compared wholly.

    Returns:
        By output how many columns were compared, and how many depend on padding in front.
    """
    record = stream_record(stream)
    assert record is not None
    count = 3 * record.window + 2 * record.hop
    count -= count % record.hop
    frames = random_frames(program, record.axis, count, seed)
    found = stream_outputs(stream, frames, record.axis, record.hop)
    compared = {output.name: 0 for output in record.outputs}
    for start in range(0, count - record.window + 1, record.hop):
        expected = window_outputs(program, frames, record.axis, start, record.window)
        for output in record.outputs:
            run = start // record.hop
            compared[output.name] += _compare(
                output, run, expected[output.name], found[output.name], 0 if is_causal and not run else None
            )
    return {output.name: (compared[output.name], output.head) for output in record.outputs}


def _compare(output: StreamOutput, run: int, expected: Array, found: Array, head: int | None) -> int:
    if output.axis is None:
        if run + output.delay >= len(found):
            return 0
        np.testing.assert_array_equal(expected, found[run + output.delay], f"window of run {run}")
        return 1
    per_run = found.shape[1 + output.axis]
    columns = np.concatenate(list(found), axis=output.axis)
    first, size = run * per_run + output.delay, expected.shape[output.axis]
    head = output.head if head is None else head
    got = _cut(columns, output.axis, first + head, first + size)
    wanted = _cut(expected, output.axis, head, head + got.shape[output.axis])
    np.testing.assert_array_equal(wanted, got, f"window of run {run}")
    return got.shape[output.axis]
