"""Programs as streams: the request checked, the hop chosen, the result checked and recorded."""

from __future__ import annotations

import dataclasses
import re

from mcuq.errors import McuqError, Problem, fail
from mcuq.ir.codec import DecodeError
from mcuq.ir.program import Program
from mcuq.ir.store import check_program
from mcuq.stream.rewrite import HopTooFineError, Rewriter, Streamed, StreamOutput

# Strides multiply; a hop beyond any window is refused.
_MAX_HOP = 1 << 24
_OUTPUT = re.compile("axis (-|[0-9]{1,9}), delay (-?[0-9]{1,9}), head ([0-9]{1,9})")


@dataclasses.dataclass(frozen=True, slots=True)
class StreamRecord:
    """How a program that takes a window became one that takes hops.

    Args:
        axis: of the model's inputs, from 0.
        hop: columns a run takes.
        window: columns the model takes.
        outputs: what becomes of them.
    """

    axis: int
    hop: int
    window: int
    outputs: tuple[StreamOutput, ...]

    def record(self) -> tuple[tuple[str, str], ...]:
        """As option pairs."""
        pairs = [("stream.axis", self.axis), ("stream.hop", self.hop), ("stream.window", self.window)]
        shown = [
            (
                f"stream.output.{each.name}",
                f"axis {'-' if each.axis is None else each.axis}, delay {each.delay}, head {each.head}",
            )
            for each in self.outputs
        ]
        return (*((key, str(value)) for key, value in pairs), *shown)


def stream_record(program: Program) -> StreamRecord | None:
    """What `StreamRecord.record` wrote into a program; None where it is no stream, or says no sense."""
    options = dict(program.origin.options)
    numbers = [options.get(f"stream.{key}", "") for key in ("axis", "hop", "window")]
    if not all(re.fullmatch("[0-9]{1,9}", text) for text in numbers):
        return None
    axis, hop, window = map(int, numbers)
    outputs = []
    for port in program.outputs:
        found = _OUTPUT.fullmatch(options.get(f"stream.output.{port.name}", ""))
        if found is None:
            return None
        place = None if found[1] == "-" else int(found[1])
        outputs.append(StreamOutput(port.name, place, int(found[2]), int(found[3])))
    is_sound = all(0 <= axis < len(port.model_shape) for port in program.inputs) and 0 < hop <= window
    is_sound &= all(
        each.axis is None or each.axis < len(port.model_shape)
        for each, port in zip(outputs, program.outputs, strict=True)
    )
    return StreamRecord(axis, hop, window, tuple(outputs)) if is_sound else None


def stream_program(program: Program, axis: int, hop: int | None) -> Program:
    """The program that takes one hop of a window a run, and keeps what later runs need of it as state.

    Once the stream is as old as the window, its outputs are those of the program in every bit: see
    docs/adr/0012.

    Args:
        program: of a whole window, without state.
        axis: of the model's inputs along which time lies; negative counts from the end.
        hop: columns a run takes; None for the least, which is what the strides ask for.

    Raises:
        McuqError: M012 for all layers that cannot be part of a stream, O001 for an axis or a hop that the
            model has not, O013 for a program with state.
    """
    place, window = _time(program, axis)
    least, streamed = _least_hop(program, place, window)
    if hop is not None and hop != least:
        if hop < 1 or hop % least or hop > window:
            raise fail(
                "O001",
                "the model has no such hop",
                where=f"--hop {hop}",
                why=f"its strides ask for a multiple of {least}, and its window has {window} columns",
                fix=f"for instance --hop {least}",
            )
        streamed = Rewriter(program, place, hop).run()
    record = StreamRecord(place, hop or least, window, streamed.outputs).record()
    options = tuple(sorted((*program.origin.options, *record)))
    made = dataclasses.replace(streamed.program, origin=dataclasses.replace(program.origin, options=options))
    try:
        check_program(made)
    except DecodeError as error:
        raise fail(
            "I001",
            "a stream breaks the rules of programs",
            where="--stream",
            why=str(error),
            fix="please report it, with the model if you can",
        ) from error
    return made


def _time(program: Program, axis: int) -> tuple[int, int]:
    """The axis from 0, and the columns of the window."""
    problems = []
    if program.state or stream_record(program) is not None:
        why = "the program has state, whose runs follow each other in time already"
        fix = "give --stream alone, with the model of a whole window"
        problems.append(Problem("O013", "two options contradict each other", "--stream", why, fix))
    for port in program.inputs:
        rank = len(port.model_shape)
        if not -rank <= axis < rank or port.model_shape[axis] < 2:
            why = f"input {port.name!r} is {port.model_shape}"
            fix = f"name an axis of two columns at least, from 0 to {rank - 1}"
            problems.append(
                Problem("O001", "the model has no such axis of time", f"--stream {axis}", why, fix)
            )
    found = {
        (axis % len(p.model_shape), p.model_shape[axis % len(p.model_shape)])
        for p in program.inputs
        if p.model_shape
    }
    if not problems and len(found) > 1:
        why = "; ".join(f"input {port.name!r} is {port.model_shape}" for port in program.inputs)
        fix = "let all inputs have as many columns of time, along one axis"
        problems.append(Problem("O001", "inputs differ in time", f"--stream {axis}", why, fix))
    if problems:
        raise McuqError(problems)
    return found.pop()


def _least_hop(program: Program, axis: int, window: int) -> tuple[int, Streamed]:
    """The least hop, and the stream with it."""
    hop = 1
    while True:
        try:
            return hop, Rewriter(program, axis, hop).run()
        except HopTooFineError as error:
            hop *= error.factor
        if hop > min(window, _MAX_HOP):
            raise fail(
                "M012",
                "a layer cannot run on a stream",
                where="--stream",
                why=f"the strides ask for hops of {hop}, more than the window's {window} columns",
                fix="give the model a longer window, or stride less in time",
            )
