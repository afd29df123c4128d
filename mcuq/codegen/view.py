"""What the templates see: strings and integers only, ready to be laid out."""

from __future__ import annotations

import dataclasses

from mcuq.ir.types import CODE_TYPES, Array

_NUMBERS_PER_LINE = 16


@dataclasses.dataclass(frozen=True, slots=True)
class PortView:
    """An input or output of the generated API.

    Args:
        member: of the io struct.
        macro: prefix of its macros, without the model's.
        label: the model's name, safe in comments.
        shape: for the reader, device layout.
        model_shape: for the reader, the model's own layout.
        perm: for the reader, empty when the layouts agree.
        elems: number of elements.
        ctype: their C type.
        dtype: the same without `_t`, for the reader.
        size_bytes: of all of them.
        alignment: what their address is a multiple of.
        scale: a C float constant.
        zero_point: of its codes.
        qmin: smallest code of the type.
        qmax: largest one.
        quotient_bits: a quotient of a real value and the scale is limited to 2 to this power.
        index: among the inputs or the outputs.
        feature_scales: C float constants, one for each index of the last axis, where they have scales of
            their own; empty where `scale` is that of all.
        offset: byte of the arena where it begins; None where the caller gives its memory.
        fraction_bits: n, where a code is a number of 2^-n in int16; None elsewhere.
    """

    member: str
    macro: str
    label: str
    shape: str
    model_shape: str
    perm: str
    elems: int
    ctype: str
    dtype: str
    size_bytes: int
    alignment: int
    scale: str
    zero_point: int
    qmin: int
    qmax: int
    quotient_bits: int
    index: int
    feature_scales: tuple[str, ...] = ()
    fraction_bits: int | None = None
    offset: int | None = None

    @property
    def cast(self) -> str:
        """From bytes to its type, where that is not bytes."""
        return "" if self.ctype == "int8_t" else f"({self.ctype} *)(void *)"

    @property
    def is_real(self) -> bool:
        """Whether its codes stand for real values: int32 holds indices, which no helper makes of floats."""
        return self.dtype in {dtype.value for dtype in CODE_TYPES}

    @property
    def quotient_limit(self) -> str:
        """2 to the power of `quotient_bits` as a C float constant."""
        return float_constant(float(1 << self.quotient_bits))


@dataclasses.dataclass(frozen=True, slots=True)
class StateView:
    """What lives from run to run: a member of the state struct.

    Args:
        member: its name.
        label: the model's name, safe in comments.
        shape: for the reader.
        elems: number of elements.
        ctype: their C type.
        dtype: the same without `_t`, for the reader.
        size_bytes: of all of them.
        scale: a C float constant.
        zero_point: of its codes.
        fill: the initial code where all are the same, else None.
        symbol: of the array of initial codes, where there is one.
        lines: its numbers.
    """

    member: str
    label: str
    shape: str
    elems: int
    ctype: str
    dtype: str
    size_bytes: int
    scale: str
    zero_point: int
    fill: int | None
    symbol: str
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ResultView:
    """An output of a step, as trace and self-test see it.

    Args:
        index: among all outputs of all steps, in the order of execution.
        label: the step's name, safe in comments.
        output: expression of its address.
        output_bytes: its size.
    """

    index: int
    label: str
    output: str
    output_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayView:
    """A constant array: C type, name, and its numbers in lines, none where an earlier step has defined it."""

    field: str
    ctype: str
    symbol: str
    count: int
    comment: str
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class StagedView:
    """A constant array, or its first part, that waits in the arena.

    Args:
        field: the member that points to the array.
        pointer: the one that shall point to the copy.
        members: others with the values that they get.
        offset: of the copy.
        cast: to its type.
        size_bytes: of the copy.
    """

    field: str
    pointer: str
    members: tuple[tuple[str, int], ...]
    offset: int
    cast: str
    size_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class StepView:
    """One kernel call.

    Args:
        index: in the order of execution.
        params: symbol of the parameter struct.
        struct: its type.
        kernel: the function.
        label: the node's name, safe in comments.
        comment: shapes and places, for the reader.
        fields: members and values.
        arrays: constant arrays.
        arguments: parameters, inputs, outputs, scratch.
        results: its outputs.
        staged: constant arrays that wait in the arena.
        helper: the function that copies them and calls the kernel, where there are any.
        context: its parameters, and what they are given: what the arguments name.
        section: the macro that places its constants, and a space; empty where they are not placed.
        is_first: whether no earlier step has the same parameters: then they are defined for it.
        is_library_call: whether the kernel says if it did what it was asked for.
    """

    index: int
    params: str
    struct: str
    kernel: str
    label: str
    comment: str
    fields: tuple[tuple[str, int], ...]
    arrays: tuple[ArrayView, ...]
    arguments: str
    results: tuple[ResultView, ...]
    staged: tuple[StagedView, ...] = ()
    helper: str = ""
    context: tuple[str, str] = ("", "")
    is_first: bool = True
    section: str = ""
    is_library_call: bool = False

    @property
    def has_arrays(self) -> bool:
        """Whether constant arrays are defined for it: those that no earlier step has defined."""
        return any(array.lines for array in self.arrays)

    @property
    def call(self) -> str:
        """Of the kernel, or of the function that copies constants for it."""
        return f"{self.helper}({self.context[1]})" if self.staged else f"{self.kernel}({self.arguments})"


@dataclasses.dataclass(frozen=True, slots=True)
class SectionView:
    """A part of a model in a memory by name.

    Args:
        macro: what stands before its definitions, without the model's prefix.
        name: of the section.
        comment: what it is, for the reader.
    """

    macro: str
    name: str
    comment: str


@dataclasses.dataclass(frozen=True, slots=True)
class ModelView:
    """A whole model.

    `name` is the prefix of symbols and files, `macro` that of macros; `stack_bytes` is None where nothing is
    known of the target's stack.
    """

    name: str
    macro: str
    banner: tuple[str, ...]
    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]
    state: tuple[StateView, ...]
    steps: tuple[StepView, ...]
    types: str
    kernels: tuple[str, ...]
    arena_bytes: int
    arena_alignment: int
    stack_bytes: int | None
    uses_arena: bool
    rounding: str
    ranges: str
    target: str
    sections: tuple[SectionView, ...] = ()

    @property
    def in_kernels(self) -> str:
        """What places functions, and a space; empty where they are not placed."""
        return self._section("IN_KERNELS")

    @property
    def in_arena(self) -> str:
        """What places the arena, and a space; empty where it is not placed."""
        return self._section("IN_ARENA")

    def _section(self, macro: str) -> str:
        is_there = any(each.macro == macro for each in self.sections)
        return f"{self.macro}_{macro} " if is_there else ""

    @property
    def ports(self) -> tuple[PortView, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)

    @property
    def buffers(self) -> tuple[PortView, ...]:
        """Those whose memory the caller gives."""
        return tuple(port for port in self.ports if port.offset is None)

    @property
    def consumed(self) -> tuple[PortView, ...]:
        """Inputs in the arena."""
        return tuple(port for port in self.inputs if port.offset is not None)

    @property
    def results(self) -> tuple[ResultView, ...]:
        """The outputs of all steps, in the order of execution."""
        return tuple(result for step in self.steps for result in step.results)

    @property
    def calls_library(self) -> bool:
        """Whether a step calls a library, which may refuse."""
        return any(step.is_library_call for step in self.steps)

    @property
    def results_macro(self) -> str:
        """What counts them: where every step has one output, that counts the steps."""
        return "STEPS" if len(self.results) == len(self.steps) else "RESULTS"


def float_constant(value: float) -> str:
    """A float32-exact value as a C constant that reads back as the same float.

    >>> float_constant(0.25), float_constant(3.0)
    ('0.25f', '3.0f')
    """
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def format_array(array: Array) -> tuple[str, ...]:
    """The numbers of a flat array in lines, comma separated."""
    numbers = [_number(int(v)) for v in array.reshape(-1)]
    return tuple(
        ", ".join(numbers[start : start + _NUMBERS_PER_LINE]) + ","
        for start in range(0, len(numbers), _NUMBERS_PER_LINE)
    )


def _number(value: int) -> str:
    # The literal -2147483648 is a negated long in C.
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)
