"""A program of a window of time as a stream: every run takes one hop and computes new columns alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mcuq.errors import McuqError, Problem
from mcuq.ir.columns import SPLIT_IT, Along, Columnwise, NotAlong, OfColumns, Sliding, WholeTime
from mcuq.ir.op import ShapeError
from mcuq.ir.program import Program, ProgramPort, ProgramTensor, Step, StepOp
from mcuq.ir.types import Shape
from mcuq.ops.constant import CopyStep
from mcuq.stream.timeline import Timeline, merged_axis, same_axis, slide
from mcuq.stream.values import Builder, Columns, Once, Value

_CAUSAL = (
    "pad in front alone, by (taps - 1) * dilation, as causal convolutions do; or do not pad, and let the "
    "window be so much longer"
)
_UNPADDED = (
    "do not pad in time, and let the window be so much longer: a stream gives what stood where padding was"
)


class HopTooFineError(Exception):
    """A step moves on by more columns than a hop brings; `factor` times as long a hop would do."""

    def __init__(self, factor: int) -> None:
        """Keep the factor."""
        self.factor = factor
        super().__init__(factor)


@dataclasses.dataclass(frozen=True, slots=True)
class Streamed:
    """A program that takes one hop a run.

    Args:
        program: with state for the past.
        windows: by output, what its runs are of the whole window's.
    """

    program: Program
    outputs: tuple[StreamOutput, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class StreamOutput:
    """An output of a stream beside that of the whole window.

    Args:
        name: of the port.
        axis: of the model's output along which new columns lie; None where each run gives one whole output.
        delay: how many columns behind the newest input its last one is; of whole outputs, how many runs.
        head: so many columns of a window depend on padding in front of it, where a stream has its past.
    """

    name: str
    axis: int | None
    delay: int
    head: int = 0


class Rewriter:
    """Builds the stream, step by step; what cannot stream is gathered and told together."""

    def __init__(self, program: Program, axis: int, hop: int) -> None:
        """Bind what is rewritten; `axis` is one of the model's inputs, below their ranks."""
        self.program, self.axis, self.hop = program, axis, hop
        self.out = Builder(program)
        self.values: dict[int, Value] = {}
        # Of tensors that own memory, with the shape that axes are of.
        self.owned: dict[int, tuple[Value, Shape]] = {}
        self.broken: set[int] = set()
        self.problems: list[Problem] = []
        self.inputs = [self._input(port) for port in program.inputs]

    def run(self) -> Streamed:
        """The stream.

        Raises:
            McuqError: M012, for all layers that cannot be part of it.
            HopTooFineError: where the hop is no multiple of the strides.
        """
        for step in self.program.steps:
            if any(self.program.storage(x) in self.broken for x in step.inputs):
                self.broken.update(map(self.program.storage, step.outputs))
            else:
                self._step(step)
        taken = {self.out.tensors[port.tensor].storage for port in self.inputs}
        outputs = [
            self._output(port, taken)
            for port in self.program.outputs
            if self.program.storage(port.tensor) not in self.broken
        ]
        if self.problems:
            raise McuqError(self.problems)
        program = dataclasses.replace(
            self.program,
            tensors=tuple(self.out.tensors),
            steps=tuple(self.out.steps),
            inputs=tuple(self.inputs),
            outputs=tuple(port for port, _ in outputs),
            state=tuple(self.out.state),
        )
        return Streamed(program, tuple(found for _, found in outputs))

    def _input(self, port: ProgramPort) -> ProgramPort:
        tensor = self.program.tensors[port.tensor]
        window = port.model_shape[self.axis]
        moved = tuple(port.model_shape[each] for each in port.perm)
        inner, shape = same_axis(moved, port.perm.index(self.axis), tensor.shape), tensor.shape
        if inner is None:
            # The network merges time at once: until then its axes are those of the port.
            inner, shape = port.perm.index(self.axis), moved
        number = self.out.tensor(tensor, _resized(shape, inner, self.hop))
        line = Timeline(inner, window, self.hop, 0, 0, window)
        self.owned[self.program.storage(port.tensor)] = Columns(number, line), shape
        made = _resized(port.model_shape, self.axis, self.hop)
        return dataclasses.replace(port, tensor=number, model_shape=made)

    def _set(self, tensor: int, value: Value) -> None:
        self.values[tensor] = value
        self.owned[tensor] = value, self.program.tensors[tensor].shape

    def _value(self, tensor: int) -> Value | int:
        """What is known of a tensor of the program; where time was merged into an axis of it, that axis."""
        if tensor in self.values:
            return self.values[tensor]
        storage = self.program.storage(tensor)
        (value, owner), like = self.owned[storage], self.program.tensors[tensor]
        if isinstance(value, Once):
            self.values[tensor] = Once(self.out.view(value.tensor, like, like.shape), value.delay)
            return self.values[tensor]
        axis = same_axis(owner, value.line.axis, like.shape)
        if axis is None:
            merged = merged_axis(owner, value.line.axis, like.shape)
            return -1 if merged is None else merged
        line = dataclasses.replace(value.line, axis=axis)
        shape = _resized(like.shape, axis, line.per_run)
        self.values[tensor] = Columns(self.out.view(value.tensor, like, shape), line)
        return self.values[tensor]

    def _step(self, step: Step) -> None:
        """Add a step's form, or a problem."""
        values = [self._value(tensor) for tensor in step.inputs]
        shapes = [self.program.tensors[tensor].shape for tensor in step.inputs]
        founds: list[Along] = []
        for position, value in enumerate(values):
            if isinstance(value, Columns):
                founds.append(step.op.along(position, value.line.axis, shapes))
            elif isinstance(value, int):
                founds.append(_of_merged(step.op, position, value, shapes))
        refused = next((found for found in founds if isinstance(found, NotAlong)), None)
        if refused is None and founds:
            refused = self._moving(step, values, founds)
        elif refused is None:
            self._add(step, [value for value in values if isinstance(value, Once)])
        if refused is not None:
            self._refuse(_where(step), refused)
            self.broken.update(map(self.program.storage, step.outputs))

    def _moving(self, step: Step, values: Sequence[Value | int], founds: Sequence[Along]) -> NotAlong | None:
        """Add the form of a step that reads columns; why there is none otherwise."""
        first = founds[0]
        if all(isinstance(found, WholeTime) for found in founds):
            return self._whole(step, values)
        if isinstance(first, Sliding) and len(values) == 1 and isinstance(values[0], Columns):
            return self._sliding(step, values[0], first)
        if isinstance(first, Columnwise) and all(
            isinstance(found, Columnwise) and found.axis == first.axis for found in founds
        ):
            return self._columnwise(step, [value for value in values if not isinstance(value, int)], first)
        return NotAlong("its inputs do not run along time together", SPLIT_IT)

    def _whole(self, step: Step, values: Sequence[Value | int]) -> NotAlong | None:
        """Give a step the whole window, of which a run brings the newest columns."""
        given: list[Once] = []
        for tensor, value in zip(step.inputs, values, strict=True):
            if isinstance(value, Once):
                given.append(value)
                continue
            storage = self.program.storage(tensor)
            held = value if isinstance(value, Columns) else self.owned[storage][0]
            assert isinstance(held, Columns)
            found = Sliding(held.line.columns, 1, 0, None, None, held.line.axis)
            laid = slide(held.line, found, 1, step.name)
            why = _dirty(laid.line)
            if why is not None:
                return why
            like = self.program.tensors[tensor]
            part = self.out.part(
                like.name, held.tensor, held.line.axis, laid.past, laid.count, held.line.fill
            )
            given.append(Once(self.out.view(part, like, like.shape), laid.line.delay))
        self._add(step, given)
        return None

    def _sliding(self, step: Step, value: Columns, found: Sliding) -> NotAlong | None:
        """Add a step over the newest columns and as many of the past as its windows need."""
        line = value.line
        columns = self.program.tensors[step.output].shape[found.axis]
        if columns > 1 and line.per_run % found.stride:
            raise HopTooFineError(found.stride // math.gcd(line.per_run, found.stride))
        laid = slide(line, found, columns, step.name)
        if columns == 1 and (why := _dirty(laid.line)) is not None:
            return why
        fill = line.fill if line.fill is not None else found.fill
        like = self.program.tensors[step.output]
        part = value.tensor
        if columns == 1 or found.op is not None:
            part = self.out.part(step.name, value.tensor, line.axis, laid.past, laid.count, fill)
        if found.op is None:
            made = self.out.view(part, like, self.out.tensors[part].shape)
        else:
            (made,) = self.out.step(step.name, _sized(found.op, laid.count), (part,), (like,))
        self._set(step.output, Once(made, laid.line.delay) if columns == 1 else Columns(made, laid.line))
        return None

    def _columnwise(self, step: Step, values: Sequence[Value], found: Columnwise) -> NotAlong | None:
        """Add a step of columns, all of one time."""
        lines = [value.line for value in values if isinstance(value, Columns)]
        if any(isinstance(value, Once) and value.delay is not None for value in values):
            return NotAlong(
                "it meets a value of the whole window, such as a mean over all of it, with single columns",
                "let the value depend on earlier columns alone, as a mean over some of them does; or end the "
                "streamed model in front of it",
            )
        line = lines[0]
        for other in lines[1:]:
            if (other.columns, other.per_run) != (line.columns, line.per_run):
                return NotAlong(
                    f"its inputs have {line.columns} and {other.columns} columns in time",
                    "let both inputs have as many",
                )
            line = line.beside(other)
        line = dataclasses.replace(line, axis=found.axis)
        if not self._is_free(step, values, found, line):
            return NotAlong(
                "a constant of it is another one for each column of the window",
                "a stream has no first column: let the constant be the same for all of them",
            )
        inputs = [
            self._delayed(step.name, value, line.delay) if isinstance(value, Columns) else value.tensor
            for value in values
        ]
        likes = tuple(self.program.tensors[output] for output in step.outputs)
        made = self.out.step(step.name, _sized(found.op, line.per_run), tuple(inputs), likes)
        for output, tensor in zip(step.outputs, made, strict=True):
            self._set(output, Columns(tensor, line))
        return None

    def _is_free(self, step: Step, values: Sequence[Value], found: Columnwise, line: Timeline) -> bool:
        """Whether the step computes any number of columns."""
        probe = line.columns + line.per_run + 1
        shapes = [
            _resized(self.out.tensors[value.tensor].shape, value.line.axis, probe)
            if isinstance(value, Columns)
            else self.out.tensors[value.tensor].shape
            for value in values
        ]
        wanted = [self.program.tensors[output].shape for output in step.outputs]
        try:
            return [*_sized(found.op, probe).infer_outputs(*shapes)] == [
                _resized(shape, found.axis, probe) for shape in wanted
            ]
        except ShapeError:
            return False

    def _delayed(self, name: str, value: Columns, delay: int) -> int:
        """The columns of earlier runs as far as others are behind."""
        line = value.line
        return self.out.part(name, value.tensor, line.axis, delay - line.delay, line.per_run, line.fill)

    def _waiting(self, name: str, value: Once, runs: int) -> int:
        """A value that is given so many runs later."""
        like = self.out.tensors[value.tensor]
        row = self.out.view(value.tensor, like, (1, *like.shape))
        return self.out.view(self.out.part(name, row, 0, runs, 1, None), like, like.shape)

    def _add(self, step: Step, values: Sequence[Once]) -> None:
        """A step as it is in the whole window; values that are there earlier than others wait."""
        delays = [value.delay for value in values if value.delay is not None]
        latest = max(delays, default=None)
        inputs = [
            value.tensor
            if value.delay is None or latest is None or value.delay == latest
            else self._waiting(step.name, value, latest - value.delay)
            for value in values
        ]
        likes = tuple(self.program.tensors[output] for output in step.outputs)
        made = self.out.step(step.name, step.op, tuple(inputs), likes)
        for output, tensor in zip(step.outputs, made, strict=True):
            self._set(output, Once(tensor, latest))

    def _output(self, port: ProgramPort, taken: set[int]) -> tuple[ProgramPort, StreamOutput]:
        """A port of the stream, in memory of its own."""
        value, like = self._value(port.tensor), self.program.tensors[port.tensor]
        axis, shape = None, port.model_shape
        if isinstance(value, Columns):
            moved = tuple(port.model_shape[each] for each in port.perm)
            place = same_axis(like.shape, value.line.axis, moved)
            value = -1 if place is None else value
            axis = None if place is None else port.perm[place]
        if isinstance(value, int):
            why = NotAlong("time is one with other axes of it", "return it with time as an axis of its own")
            self._refuse(f"output {port.name!r}", why)
            return port, StreamOutput(port.name, None, 0)
        if isinstance(value, Columns):
            assert axis is not None
            shape = _resized(shape, axis, value.line.per_run)
            if value.line.good < value.line.columns:
                self._refuse(f"step {value.line.good_by!r}", _dirty(value.line, is_ahead_only=True))
        number = self._owned(port.name, value.tensor, like, taken)
        made = dataclasses.replace(port, tensor=number, model_shape=shape)
        if isinstance(value, Once):
            return made, StreamOutput(port.name, None, value.delay or 0)
        return made, StreamOutput(port.name, axis, value.line.delay, min(value.line.head, value.line.columns))

    def _owned(self, name: str, tensor: int, like: ProgramTensor, taken: set[int]) -> int:
        """The tensor, or a copy where its memory is somebody else's."""
        if self.out.tensors[tensor].storage in taken:
            (tensor,) = self.out.step(name, CopyStep(like.quant.dtype), (tensor,), (like,))
        taken.add(self.out.tensors[tensor].storage)
        return tensor

    def _refuse(self, where: str, why: NotAlong | None) -> None:
        assert why is not None
        found = Problem("M012", "a layer cannot run on a stream", where, why.why, why.fix)
        if found not in self.problems:
            self.problems.append(found)


def _sized(op: OfColumns, columns: int) -> StepOp:
    """The step for so many columns."""
    found = op(columns)
    assert isinstance(found, StepOp)
    return found


def _of_merged(op: StepOp, position: int, axis: int, shapes: Sequence[Shape]) -> Along:
    """What a step does along an axis into which time was merged: only all of it has a meaning."""
    if axis < 0:
        return NotAlong("a reshape in front of it cuts time into pieces", "keep time as an axis of its own")
    found = op.along(position, axis, shapes)
    if isinstance(found, WholeTime | NotAlong):
        return found
    return NotAlong(
        "a reshape in front of it makes time one with other axes", "keep time as an axis of its own"
    )


def _dirty(line: Timeline, *, is_ahead_only: bool = False) -> NotAlong | None:
    """Why columns that a window has to have are not those of a stream."""
    if line.good < line.columns:
        return NotAlong(
            f"{line.good_by!r} pads behind the window, where a stream has columns that are yet to come",
            _CAUSAL,
        )
    if line.head > 0 and not is_ahead_only:
        return NotAlong(
            f"it looks at all of the window, and {line.head_by!r} pads in front of that, where a stream has "
            "its past",
            _UNPADDED,
        )
    return None


def _where(step: Step) -> str:
    return f"step {step.name!r} ({step.op.kind})"


def _resized(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])
