"""Outputs that become inputs of the next run, with the copies that keep old and new values apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mcuq.ir.graph import Port
from mcuq.ir.integer import Rounding, round_half_away_array
from mcuq.ir.op import Op, Operand
from mcuq.ir.program import ProgramState, ProgramTensor, Step, StepOp
from mcuq.ir.state import changes_in_order
from mcuq.ir.types import Array, Shape, freeze
from mcuq.ops.constant import CopyStep
from mcuq.ops.move import Transpose
from mcuq.ops.table import Requantize


@dataclasses.dataclass
class StateBuilder:
    """Ends a program under construction so that every state changes where nothing reads its old value.

    Args:
        tensors: of the program; views and copies are added.
        steps: of the program; copies are added at the end.
        rounding: the contract of requantization.
    """

    tensors: list[ProgramTensor]
    steps: list[Step]
    rounding: Rounding

    def build(self, ties: Sequence[tuple[Port, int, Port, int]], taken: set[int]) -> tuple[ProgramState, ...]:
        """The states.

        Args:
            ties: for each the input port and its tensor, and the output port and its tensor.
            taken: storages of the program's ports and of the state before the run.
        """
        old = {self.tensors[before].storage for _, before, _, _ in ties}
        sources = [
            self._converted(before_port, before, after_port, after)
            for before_port, before, after_port, after in ties
        ]
        order = self._order([before for _, before, _, _ in ties], sources)
        for index in order:
            port, before, _, _ = ties[index]
            if self.tensors[sources[index]].storage in old:
                sources[index] = self._copy(port.name, sources[index])
        # What the steps compute may stay where it is, if nothing reads the old value afterwards.
        for index, (port, before, _, _) in enumerate(ties):
            storage = self.tensors[sources[index]].storage
            is_free = storage not in taken
            if not is_free or not changes_in_order(self.tensors, self.steps, before, sources[index]):
                sources[index] = self._copy(port.name, sources[index])
            taken.add(self.tensors[sources[index]].storage)
        states = []
        for (port, before, out, _), source in zip(ties, sources, strict=True):
            tensor = self.tensors[before]
            after = self._view(source, tensor.shape)
            states.append(ProgramState(port.name, before, after, _initial(tensor, port, out)))
        return tuple(states)

    def _order(self, before: Sequence[int], sources: list[int]) -> list[int]:
        """Which states to copy first: a value that another state takes over is read before it changes.

        Where states change places, one value is brought to safety.
        """
        pending, order = list(range(len(sources))), []
        while pending:
            needed = [self.tensors[sources[index]].storage for index in pending]
            free = [
                index
                for index in pending
                if not any(
                    self.tensors[before[index]].storage == storage and other != index
                    for other, storage in zip(pending, needed, strict=True)
                )
            ]
            if not free:
                sources[pending[0]] = self._copy(self.tensors[sources[pending[0]]].name, sources[pending[0]])
                continue
            order.append(free[0])
            pending.remove(free[0])
        return order

    def _converted(self, before_port: Port, before: int, after_port: Port, after: int) -> int:
        """The output's values as the input has them: its order of axes, its parameters."""
        wanted = self.tensors[before]
        if after_port.perm != before_port.perm:
            shape = tuple(after_port.model_shape[axis] for axis in after_port.perm)
            perm = tuple(after_port.perm.index(axis) for axis in before_port.perm)
            view = self._view(after, shape)
            after = self._step(before_port.name, Transpose(perm), view, tuple(shape[axis] for axis in perm))
        if self.tensors[after].quant != wanted.quant:
            after = self._step(before_port.name, Requantize(), after, self.tensors[after].shape, wanted)
        return after

    def _step(
        self,
        name: str,
        op: Op,
        source: int,
        shape: Shape,
        like: ProgramTensor | None = None,
    ) -> int:
        """An operator on a tensor, at the end."""
        x = self.tensors[source]
        quant = x.quant if like is None else like.quant
        lowered = op.lower([Operand(x.shape, x.quant)], Operand(shape, quant), self.rounding)
        return self._append(name, lowered, source, dataclasses.replace(x, shape=shape, quant=quant))

    def _copy(self, name: str, source: int) -> int:
        """The same values in memory of their own."""
        tensor = self.tensors[source]
        return self._append(name, CopyStep(tensor.quant.dtype), source, tensor)

    def _append(self, name: str, op: StepOp, source: int, made: ProgramTensor) -> int:
        number = len(self.tensors)
        self.tensors.append(dataclasses.replace(made, storage=number))
        self.steps.append(Step(name, op, (source,), (number,)))
        return number

    def _view(self, source: int, shape: Shape) -> int:
        """The same memory under another shape."""
        if self.tensors[source].shape == shape:
            return source
        self.tensors.append(dataclasses.replace(self.tensors[source], shape=shape))
        return len(self.tensors) - 1


def _initial(tensor: ProgramTensor, port: Port, output: Port) -> Array:
    """The codes of a state before the first run, in device layout."""
    assert output.feeds is not None
    moved = output.feeds.initial.astype(np.float64).transpose(port.perm).reshape(tensor.shape)
    quant = tensor.quant
    codes = round_half_away_array(moved / quant.step) + quant.zero_point
    return freeze(np.clip(codes, quant.dtype.qmin, quant.dtype.qmax), quant.dtype.numpy)
