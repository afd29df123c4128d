"""The streaming wakeword: one window at a time, and one hop of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from zoo import Entry, load_data

import mcuq
from mcu.networks import CORE, Measured, build_network, measure
from mcuq.options import QuantOptions
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program, simulate_sequence

# Of 30 columns of 20 ms, as the model's window has them.
HOPS = (1, 3)
_AXIS = 1
_MOVES = ("concat", "slice")


def stream_section(entry: Entry, folder: Path) -> Iterator[str]:
    """The window beside hops of several lengths; the hops' codes are held to those of the windows.

    Args:
        entry: the model.
        folder: for firmware.
    """
    window = build_network(entry, folder)
    whole = measure(window)
    stored = window.directory / f"{window.name}.mcuq.npz"
    yield from ("## Streaming wakeword", "")
    yield from (
        "The network of MLPerf Tiny's streaming task takes a window of 30 columns of sound. Built with "
        "`--stream 1` it",
        "takes new columns alone, and its outputs are those of the window in every bit (held here on real "
        "sound). Moving",
        "the past is the share of cycles in concat and slice. RAM is arena, input, output, state and stack.",
        "",
        "| build | columns a run | MACs | cycles a run | cycles a column | moving the past | flash, B "
        "| RAM, B | state, B |",
        "|---|---|---|---|---|---|---|---|---|",
    )
    yield _row("whole window", 1, whole)
    for hop in HOPS:
        output = folder / f"{entry.name}-hop{hop}"
        options = QuantOptions(stream=_AXIS, hop=hop)
        mcuq.build(stored, CORE, output=output, name=entry.name, verify="none", options=options)
        stream = mcuq.open_firmware(output)
        hold_to_windows(entry, whole, measured := measure(stream), hop)
        yield _row(f"stream, hop {hop}", hop, measured)
    yield ""


def _row(title: str, columns: int, found: Measured) -> str:
    profile, program = found.profile, found.plan.program
    moved = sum(
        layer.cycles or 0
        for number, layer in found.by_step().items()
        if program.steps[number].op.kind in _MOVES
    )
    state = sum(each.initial.nbytes for each in program.state)
    ram = profile.arena_bytes + profile.io_bytes + profile.stack_bytes
    macs = sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps)
    return (
        f"| {title} | {columns} | {macs:,} | {found.cycles:,} | {found.cycles // columns:,} | "
        f"{moved / found.cycles:.1%} | {profile.flash.total:,} | {ram:,} | {state:,} |"
    )


def hold_to_windows(entry: Entry, whole: Measured, stream: Measured, hop: int) -> None:
    """Fail where a stream over the evaluation's windows gives another code than the window.

    Windows of the evaluation begin one column apart.
    """
    data = load_data(entry)
    assert data is not None
    programs = whole.plan.program, stream.plan.program
    name = programs[0].inputs[0].name
    columns = np.concatenate([data.eval_x[0], data.eval_x[1:, -1]])
    runs = len(columns) // hop
    hops = columns[: runs * hop].reshape(runs, 1, hop, *columns.shape[1:])
    (found,), _ = simulate_sequence(
        programs[1],
        quantize_inputs(programs[1], {name: hops}),
        tuple(each.initial for each in programs[1].state),
    )
    (expected,) = simulate_program(
        programs[0], quantize_inputs(programs[0], {name: data.eval_x[::hop, None]})
    )
    late = -(-data.eval_x.shape[1] // hop) - 1
    count = min(len(expected), len(found) - late)
    if not np.array_equal(expected[:count], found[late : late + count]):
        raise SystemExit(f"error: the stream of {entry.name} with hop {hop} differs from its windows")
