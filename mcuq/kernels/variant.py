"""What a kernel variant is: one way to compute a step on cores with some instruction set."""

from __future__ import annotations

import abc
import dataclasses
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from mcuq.ir.plan import KernelCall
from mcuq.ir.program import Program, Step, StepOp
from mcuq.ir.types import DType, Shape

S = TypeVar("S", bound=StepOp)
Terms: TypeAlias = Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class StepShapes:
    """The shapes and element types around a step.

    Args:
        inputs: shapes of its inputs.
        outputs: shapes of its outputs.
        input_types: element types of its inputs.
        output_types: element types of its outputs.
        constant_types: in which its constants are stored, see `StepOp.constant_types`.
    """

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    input_types: tuple[DType, ...]
    output_types: tuple[DType, ...]
    constant_types: tuple[DType, ...] = ()

    @property
    def output(self) -> Shape:
        """The shape of the first output: of most operators the only one."""
        return self.outputs[0]

    @classmethod
    def of(cls, op: StepOp, inputs: Sequence[Shape], types: Sequence[DType] | None = None) -> StepShapes:
        """What an operator gives for inputs of these shapes and types, by default int8."""
        types = (DType.INT8,) * len(inputs) if types is None else types
        outputs = op.infer_outputs(*inputs)
        return cls(tuple(inputs), outputs, tuple(types), op.output_types(*types), op.constant_types())

    @classmethod
    def of_step(cls, program: Program, step: Step) -> StepShapes:
        """Those of the tensors that a step of a program reads and writes."""
        xs, ys = ([program.tensors[t] for t in tensors] for tensors in (step.inputs, step.outputs))
        return cls(
            inputs=tuple(x.shape for x in xs),
            outputs=tuple(y.shape for y in ys),
            input_types=tuple(x.quant.dtype for x in xs),
            output_types=tuple(y.quant.dtype for y in ys),
            constant_types=step.op.constant_types(),
        )


class Variant(abc.ABC, Generic[S]):
    """A kernel for one step, as `class GemmConv(Variant[ConvStep])`; it never changes a bit of the result.

    A module of an instruction set's package lists its variants in `VARIANTS`, those to prefer first; all
    variants of one step stand in one module.

    Attributes:
        kernel: the C function, and the name of its file under `targets/<isa>/kernels/`.
        needs: features of a core without which it cannot run, of `mcuq.targets.FEATURES`.
        lacks: features of a core on which another variant stands for it: those of a library whose C asks the
            compiler for what the core has.
        takes: element types of inputs that it takes; others are refused by name before `refuse` is asked.
        takes_constants: likewise for its constants.
        gives: element type of the first output, None where it follows from the inputs'; of steps that
            choose it, None is int8.
        channel_multiple: of how many input channels it likes a multiple; when channels are dropped, as many
            are kept. 1 where any number is as good.
        step_op: the class of steps that it computes; follows from the type parameter.
        op: the step.
        shapes: its shapes.
    """

    kernel: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    lacks: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[tuple[DType, ...]] = (DType.INT8,)
    takes_constants: ClassVar[tuple[DType, ...]] = (DType.INT8,)
    gives: ClassVar[DType | None] = None
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

    def refusal(self) -> str | None:
        """Why this variant is not for the step, by element types or else by `refuse`, or None."""
        return self.refuse_types() or self.refuse()

    def refuse_types(self) -> str | None:
        """Why it does not take the step's element types, or None."""
        for what, found, taken in (
            ("inputs", self.shapes.input_types, self.takes),
            ("constants", self.shapes.constant_types, self.takes_constants),
        ):
            others = [dtype.value for dtype in found if dtype not in taken]
            if others:
                names = " or ".join(dtype.value for dtype in taken)
                return f"it takes {names} {what}, found {', '.join(dict.fromkeys(others))}"
        given = self.shapes.output_types[0]
        gives = self.gives or (DType.INT8 if self.op.chooses_type else None)
        if gives not in (None, given):
            return f"it gives {gives.value}, asked for {given.value}"
        return None

    def refuse(self) -> str | None:
        """Why this variant cannot compute a step of these types, or None."""
        return None

    @abc.abstractmethod
    def call(self) -> KernelCall:
        """Packed constants, parameters and scratch for the step; only after `refusal` gave None."""

    def passes(self) -> Mapping[str, int]:
        """How often a run of the step reads all of an array, about, by its field; the others are read once.

        A table counts its loads: as many as it has words are one pass.
        """
        return {}

    def rounds(self) -> int:
        """How often a run goes through all of the kernel's code, about; 0 where that is small loops."""
        return 0

    def terms(self) -> Terms | None:
        """What the step's time is made of: counts that follow from the step alone, by name.

        The modelled time is the sum of the counts, each times a coefficient that
        `tests/kernels/measured_costs.py` fitted to measured cycles (targets/*/costs.toml). None where nobody
        has to choose, or nobody has counted yet: then the time is not known.
        """
        return None


# Tables hold variants of all steps; `for_step` hands each only its own.
AnyVariant: TypeAlias = Variant[Any]
VariantType: TypeAlias = type[AnyVariant]


def for_step(variants: Iterable[VariantType], op: StepOp, shapes: StepShapes) -> list[AnyVariant]:
    """Those of some variants that are for a step of this class, whether or not they accept it."""
    return [variant(op, shapes) for variant in variants if variant.step_op is type(op)]
