"""Programs of which only sizes and edges matter, for the tests of the memory planner."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from hypothesis import strategies as st

from mcuq.ir.integer import Rounding
from mcuq.ir.program import Origin, Program, ProgramPort, ProgramTensor, RangeSource, Step, StepOp
from mcuq.ir.types import Array, DType, QuantParams, Shape


@dataclasses.dataclass(frozen=True)
class ApartStep(StepOp):
    """Reads any tensors and writes another of any size, never in place."""

    size: int

    kind: ClassVar[str] = "apart"

    def infer(self, *shapes: Shape) -> Shape:
        return (1, self.size)

    def code_range(self) -> tuple[int, int]:
        return -128, 127

    def run(self, *xs: Array) -> Array:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class FirstStep(ApartStep):
    """May take the place of its first input."""

    kind: ClassVar[str] = "first"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0,)


@dataclasses.dataclass(frozen=True)
class EitherStep(ApartStep):
    """May take the place of its first or its second input."""

    kind: ClassVar[str] = "either"
    in_place_inputs: ClassVar[tuple[int, ...]] = (0, 1)


class Builder:
    """Collects tensors and steps; tensors are named after their index."""

    def __init__(self):
        self.tensors, self.steps, self.inputs = [], [], []

    def tensor(self, size, storage=None):
        index = len(self.tensors)
        quant = QuantParams((1.0,), 0, DType.INT8)
        owner = index if storage is None else self.tensors[storage].storage
        self.tensors.append(ProgramTensor(f"t{index}", (1, size), quant, owner))
        return index

    def input(self, size):
        self.inputs.append(self.tensor(size))
        return self.inputs[-1]

    def step(self, size, *inputs, op=ApartStep):
        output = self.tensor(size)
        self.steps.append(Step(f"s{len(self.steps)}", op(size), inputs, (output,)))
        return output

    def alias(self, tensor):
        return self.tensor(self.tensors[tensor].size_bytes, storage=tensor)

    def build(self, *outputs):
        def port(tensor):
            return ProgramPort(f"p{tensor}", tensor, self.tensors[tensor].shape, (0, 1))

        return Program(
            tuple(self.tensors),
            tuple(self.steps),
            tuple(map(port, self.inputs)),
            tuple(map(port, outputs)),
            Rounding.DOUBLE,
            Origin("0" * 64, RangeSource.SYNTHETIC, ()),
        )


def random_program(draw_int, max_steps=14, sizes=(1, 3, 4, 8, 12, 16, 40, 100)):
    """A program and its scratch sizes.

    Args:
        draw_int: `draw_int(lo, hi)`, both included.
        max_steps: the largest number of steps.
        sizes: what the sizes of tensors are taken from.
    """

    def pick(values):
        return values[draw_int(0, len(values) - 1)]

    b = Builder()
    known = [b.input(pick(sizes)) for _ in range(draw_int(1, 2))]
    scratch = []
    reach = draw_int(1, 6)
    for _ in range(draw_int(1, max_steps)):
        inputs = [pick(known[-reach:]) for _ in range(draw_int(1, 3))]
        size = b.tensors[inputs[0]].size_bytes if draw_int(0, 2) else pick(sizes)
        known.append(b.step(size, *inputs, op=pick((ApartStep, FirstStep, EitherStep))))
        scratch.append(pick((0, 0, 0, 8, 30)))
        if draw_int(0, 5) == 0:
            known.append(b.alias(known[-1]))
    read = {b.tensors[i].storage for step in b.steps for i in step.inputs}
    written = [step.output for step in b.steps]
    outputs = {written[-1]} | {t for t in written if t not in read and draw_int(0, 4)}
    outputs |= {t for t in written if draw_int(0, 9) == 0}
    return b.build(*sorted(outputs)), scratch


@st.composite
def programs(draw, **options):
    """Random programs with their scratch sizes, for hypothesis."""
    return random_program(lambda lo, hi: draw(st.integers(lo, hi)), **options)
