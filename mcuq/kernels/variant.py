"""What a kernel variant is: one way to compute a step on cores with some instruction set."""

from __future__ import annotations

import abc
import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.program import StepOp
from mcuq.ir.types import Shape

S = TypeVar("S", bound=StepOp)
Terms: TypeAlias = Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class StepShapes:
    """The shapes around a step."""

    inputs: tuple[Shape, ...]
    output: Shape


class Variant(abc.ABC, Generic[S]):
    """A kernel for one step, as `class GemmConv(Variant[ConvStep])`; it never changes a bit of the result.

    A module of an instruction set's package lists its variants in `VARIANTS`, those to prefer first; all
    variants of one step stand in one module.

    Attributes:
        kernel: the C function, and the name of its file under `targets/<isa>/kernels/`.
        needs: features of a core without which it cannot run, of `mcuq.targets.FEATURES`.
        channel_multiple: of how many input channels it likes a multiple; when channels are dropped, as many
            are kept. 1 where any number is as good.
        step_op: the class of steps that it computes; follows from the type parameter.
        op: the step.
        shapes: its shapes.
    """

    kernel: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    channel_multiple: ClassVar[int] = 1
    step_op: ClassVar[type[StepOp]]

    def __init_subclass__(cls) -> None:
        """Take the class of steps from the type parameter."""
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            for argument in typing.get_args(base):
                if isinstance(argument, type) and issubclass(argument, StepOp):
                    cls.step_op = argument

    def __init__(self, op: S, shapes: StepShapes) -> None:
        """For one step.

        Args:
            op: an instance of `step_op`.
            shapes: its shapes.
        """
        self.op = op
        self.shapes = shapes

    def refuse(self) -> str | None:
        """Why this variant cannot compute the step, or None."""
        return None

    @abc.abstractmethod
    def call(self) -> KernelCall:
        """Packed constants, parameters and scratch for the step; only after `refuse` gave None."""

    def terms(self) -> Terms | None:
        """What the step's cycles are made of: counts that follow from the step alone, by name.

        The modelled cycles are the sum of the counts, each times a coefficient that
        `tests/kernels/measured_costs.py` fitted to measured cycles (targets/*/costs.toml). None where nobody
        has to choose, or nobody has counted yet: then the cycles are not known.
        """
        return None


# Tables hold variants of all steps; `for_step` hands each only its own.
AnyVariant: TypeAlias = Variant[Any]
VariantType: TypeAlias = type[AnyVariant]


def for_step(variants: Iterable[VariantType], op: StepOp, shapes: StepShapes) -> list[AnyVariant]:
    """Those of some variants that are for a step of this class, whether or not they accept it."""
    return [variant(op, shapes) for variant in variants if variant.step_op is type(op)]
