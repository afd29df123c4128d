"""What a kernel variant is: one way for one target to compute a step."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.program import StepOp
from mcuq.ir.types import Shape

S = TypeVar("S", bound=StepOp)


@dataclasses.dataclass(frozen=True, slots=True)
class StepShapes:
    """The shapes around a step."""

    inputs: tuple[Shape, ...]
    output: Shape


class Variant(abc.ABC, Generic[S]):
    """Base of all kernel variants. They never change a bit of what the step computes.

    `kernel` names the C function and its file under `targets/<isa>/kernels/`.
    """

    kernel: ClassVar[str]
    step_op: type[S]

    def refuse(self, op: S, site: StepShapes) -> str | None:
        """Why this variant cannot compute the step, or None."""
        return None

    @abc.abstractmethod
    def call(self, op: S, site: StepShapes) -> KernelCall:
        """Packed weights, parameters and scratch for the step."""


# Tables hold variants of all steps; `select_kernels` hands each only its own.
AnyVariant: TypeAlias = Variant[Any]
