"""The tensors of a stream under construction: columns of a run, their past, and values of whole windows."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np

from mcuq.ir.program import CodeRange, Program, ProgramState, ProgramTensor, Step, StepOp
from mcuq.ir.types import Shape, freeze
from mcuq.ops.move import ConcatStep, SliceStep
from mcuq.stream.timeline import Timeline


@dataclasses.dataclass(frozen=True, slots=True)
class Columns:
    """A tensor of which a run computes some columns."""

    tensor: int
    line: Timeline


@dataclasses.dataclass(frozen=True, slots=True)
class Once:
    """A tensor that a run computes as the whole window does.

    Args:
        tensor: of the stream.
        delay: the window of run m is the one that began `delay` hops before the newest; None for constants.
    """

    tensor: int
    delay: int | None


Value: TypeAlias = Columns | Once


class Builder:
    """Tensors, steps and state of the stream."""

    def __init__(self, program: Program) -> None:
        """Start with nothing; names and parameters are those of the program."""
        self.tensors: list[ProgramTensor] = []
        self.steps: list[Step] = []
        self.state: list[ProgramState] = []
        self._ranges: dict[int, CodeRange] = {}
        self._joined: dict[tuple[int, int, int, int | None], int] = {}
        self._names: set[str] = {tensor.name for tensor in program.tensors}

    def tensor(self, like: ProgramTensor, shape: Shape, limits: CodeRange | None = None) -> int:
        """A tensor in memory of its own, with a model's name and parameters."""
        number = len(self.tensors)
        self.tensors.append(dataclasses.replace(like, shape=shape, storage=number))
        dtype = like.quant.dtype
        self._ranges[number] = limits or (dtype.qmin, dtype.qmax)
        return number

    def view(self, source: int, like: ProgramTensor, shape: Shape) -> int:
        """The memory of a tensor under another name and shape."""
        storage = self.tensors[source].storage
        self.tensors.append(dataclasses.replace(like, shape=shape, storage=storage))
        return len(self.tensors) - 1

    def step(
        self, name: str, op: StepOp, inputs: tuple[int, ...], likes: tuple[ProgramTensor, ...]
    ) -> tuple[int, ...]:
        """A step; its outputs have names and parameters of a model's tensors."""
        shapes = op.infer_outputs(*(self.tensors[x].shape for x in inputs))
        outputs = tuple(
            self.tensor(like, shape, limits)
            for like, shape, limits in zip(likes, shapes, op.code_ranges(), strict=True)
        )
        self.steps.append(Step(name, op, inputs, outputs))
        return outputs

    def with_past(self, chunk: int, axis: int, past: int, fill: int | None) -> int:
        """A tensor with so many columns of earlier runs in front of those of this one.

        Args:
            chunk: columns of this run.
            axis: along which they lie.
            past: how many, 1 at least.
            fill: their code before the first run; None for one that means nothing.
        """
        key = (chunk, axis, past, fill)
        if key in self._joined:
            return self._joined[key]
        tensor = self.tensors[chunk]
        lo, hi = self._ranges[tensor.storage]
        fill = min(max(tensor.quant.zero_point, lo), hi) if fill is None else fill
        limits = lo, hi = min(lo, fill), max(hi, fill)
        name = self._fresh(f"{tensor.name} [past]")
        shape = _with_size(tensor.shape, axis, past)
        before = self.tensor(dataclasses.replace(tensor, name=name), shape, limits)
        (joined,) = self.step(name, ConcatStep(axis, lo, hi), (before, chunk), (tensor,))
        total = self.tensors[joined].shape[axis]
        # The newest columns are the past of the next run.
        (after,) = self.columns(name, joined, axis, (total - past, total))
        initial = freeze(np.full(shape, fill, tensor.quant.dtype.numpy))
        self.state.append(ProgramState(name, before, after, initial))
        self._joined[key] = joined
        return joined

    def columns(self, name: str, source: int, axis: int, span: tuple[int, int]) -> tuple[int, ...]:
        """Some columns of a tensor."""
        tensor = self.tensors[source]
        starts, stops = [0] * len(tensor.shape), list(tensor.shape)
        starts[axis], stops[axis] = span
        lo, hi = self._ranges[tensor.storage]
        op = SliceStep(tuple(starts), tuple(stops), (1,) * len(starts), lo, hi)
        return self.step(name, op, (source,), (dataclasses.replace(tensor, name=name),))

    def part(self, name: str, chunk: int, axis: int, past: int, count: int, fill: int | None) -> int:
        """`count` columns, beginning so many before those of this run, or behind their first one."""
        joined = self.with_past(chunk, axis, past, fill) if past > 0 else chunk
        start = max(0, -past)
        if (start, count) == (0, self.tensors[joined].shape[axis]):
            return joined
        return self.columns(name, joined, axis, (start, start + count))[0]

    def _fresh(self, name: str) -> str:
        number, found = 1, name
        while found in self._names:
            number += 1
            found = f"{name} {number}"
        self._names.add(found)
        return found


def _with_size(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])
