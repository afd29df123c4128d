"""What kernels cost for strips."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.ir.program import Program, StepOp
from mcuq.ir.types import Shape
from mcuq.kernels.core import CoreKernels
from mcuq.kernels.variant import StepShapes, for_step


@dataclasses.dataclass(frozen=True, slots=True)
class StripCost:
    """Of a step.

    Args:
        cycles: modelled, 0 where that is not known.
        scratch_bytes: work memory while it runs.
    """

    cycles: int
    scratch_bytes: int


class StripCosts:
    """By the model, of the kernels that were chosen for whole layers."""

    def __init__(self, program: Program, kernels: CoreKernels, names: Sequence[str]) -> None:
        """For a program.

        Args:
            program: without strips.
            kernels: of the core.
            names: per step, the chosen kernel.
        """
        self._program, self._kernels, self._names = program, kernels, names

    def whole(self, number: int) -> StripCost:
        """What a step costs as it is."""
        step = self._program.steps[number]
        return self._cost(number, step.op, StepShapes.of_step(self._program, step))

    def strip(self, number: int, op: StepOp, shapes: Sequence[Shape]) -> StripCost:
        """What rows of a step cost.

        Args:
            number: of the step.
            op: what it computes there.
            shapes: of its inputs.
        """
        types = [self._program.tensors[tensor].quant.dtype for tensor in self._program.steps[number].inputs]
        return self._cost(number, op, StepShapes.of(op, shapes, types))

    def _cost(self, number: int, op: StepOp, shapes: StepShapes) -> StripCost:
        variants = [each for each in for_step(self._kernels.variants, op, shapes) if each.refusal() is None]
        found = {each.kernel: each for each in variants}
        # Steps of another class than the layer's have a kernel of their own.
        variant = found.get(self._names[number]) or next(iter(found.values()), None)
        if variant is None:
            return StripCost(0, 0)
        cycles = self._kernels.costs.time(variant.kernel, variant.terms())
        return StripCost(cycles or 0, variant.call().scratch_bytes)
