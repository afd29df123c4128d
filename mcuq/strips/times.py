"""How long kernels take for strips."""

from __future__ import annotations

from collections.abc import Sequence

from mcuq.ir.program import StepOp
from mcuq.ir.types import Shape
from mcuq.kernels.core import CoreKernels
from mcuq.kernels.variant import StepShapes, for_step


class StripTimes:
    """Times by the model, of the kernels that were chosen for whole layers."""

    def __init__(self, kernels: CoreKernels, names: Sequence[str]) -> None:
        """For a program.

        Args:
            kernels: of the core.
            names: per step, the chosen kernel.
        """
        self._kernels, self._names = kernels, names

    def time(self, number: int, op: StepOp, shapes: Sequence[Shape]) -> int:
        """About how long a step takes for inputs of other sizes; 0 where that is not known.

        Args:
            number: of the step.
            op: what it computes there.
            shapes: of its inputs.
        """
        for variant in for_step(self._kernels.variants, op, StepShapes.of(op, shapes)):
            if variant.kernel == self._names[number]:
                return self._kernels.costs.time(variant.kernel, variant.terms()) or 0
        return 0
