"""Calls of kernels with inputs and what they have to give, and the bytes in which machines read them."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterable, Sequence

import numpy as np

from mcuq.ir.plan import KernelCall
from mcuq.ir.types import CODE_TYPES
from mcuq.kernels.registry import instruction_sets, isa_variants
from mcuq.kernels.variant import AnyVariant, StepShapes, VariantType, for_step
from tests.builders import mixed_codes
from tests.ops.randoms import Example

SAMPLES = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One call of a kernel.

    Args:
        call: the kernel with its parameters.
        inputs: codes `[samples, bytes]` per input.
        expected: bytes `[samples, bytes]` of the output.
        op: the step, for messages.
    """

    call: KernelCall
    inputs: tuple[np.ndarray, ...]
    expected: np.ndarray
    op: object

    def __str__(self):
        return f"{self.call.kernel} {dict(self.call.fields)}"


def find_variant(kernel: str) -> VariantType:
    """The one variant of a kernel."""
    (found,) = (each for each in isa_variants(isa_of(kernel)) if each.kernel == kernel)
    return found


def isa_of(kernel: str) -> str:
    """The instruction set that has a kernel."""
    (isa,) = (isa for isa in instruction_sets() if kernel in {each.kernel for each in isa_variants(isa)})
    return isa


def shapes_of(example: Example) -> StepShapes:
    return StepShapes.of(example.op, example.shapes, example.types)


def case(example: Example, variant: AnyVariant, samples: int = SAMPLES) -> Case:
    """The call of an example's variant, with inputs that reach the ends of the range."""
    call = variant.call()
    rng = np.random.default_rng(zlib.crc32(repr((call.kernel, call.fields)).encode()))
    xs = [
        mixed_codes(rng, shape, zero_point, samples, dtype)
        for shape, zero_point, dtype in zip(example.shapes, example.zero_points, example.types, strict=True)
    ]
    expected = example.op.run(*xs)
    passed = xs if call.inputs is None else [xs[position] for position in call.inputs]
    return Case(call, tuple(map(_bytes, passed)), _bytes(expected), example.op)


def cases(examples: Iterable[Example], variants: Sequence[VariantType], samples: int = SAMPLES) -> list[Case]:
    """A case for every variant that accepts an example that `isolated.c` can call."""
    return [
        case(example, variant, samples)
        for example in examples
        if _is_called(example)
        for variant in for_step(variants, example.op, shapes_of(example))
        if variant.refusal() is None
    ]


def _is_called(example: Example) -> bool:
    """Whether inputs are codes and there is one output."""
    outputs = example.op.output_types(*example.types)
    return {*example.types} <= {*CODE_TYPES} and len(outputs) == 1


def _bytes(x: np.ndarray) -> np.ndarray:
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    return rows.astype(rows.dtype.newbyteorder("<")).view(np.uint8)


@dataclasses.dataclass(frozen=True)
class Signature:
    """How a kernel is called: members of its struct, how many inputs (None: a list), whether with scratch."""

    fields: tuple[str, ...]
    arrays: tuple[str, ...]
    inputs: int | None
    has_scratch: bool


def signatures(found: Sequence[Case]) -> dict[str, Signature]:
    """By kernel, in the order of the numbers that machines know them by."""
    known: dict[str, Signature] = {}
    for each in found:
        call = each.call
        signature = Signature(
            tuple(name for name, _ in call.fields),
            tuple(array.field for array in call.arrays),
            None if call.takes_input_list else len(each.inputs),
            call.scratch_bytes > 0,
        )
        assert known.setdefault(call.kernel, signature) == signature, call.kernel
    return dict(sorted(known.items()))


def encode(found: Sequence[Case], kernels: Sequence[str]) -> bytes:
    """All cases as isolated.c reads them."""
    numbers = {kernel: number for number, kernel in enumerate(kernels)}
    return b"".join([_words(len(found)), *(_encode(each, numbers[each.call.kernel]) for each in found)])


def _encode(each: Case, number: int) -> bytes:
    call = each.call
    parts = [_words(number, len(call.fields), *(value for _, value in call.fields), len(call.arrays))]
    for array in call.arrays:
        data = array_bytes(array.values)
        parts += [_words(len(data)), data]
    sizes = [x.shape[1] for x in each.inputs]
    parts.append(_words(len(sizes), *sizes, each.expected.shape[1], call.scratch_bytes, len(each.expected)))
    for sample in range(len(each.expected)):
        parts += [x[sample].tobytes() for x in each.inputs]
        parts.append(each.expected[sample].tobytes())
    return b"".join(parts)


def array_bytes(values: np.ndarray) -> bytes:
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def _words(*values: int) -> bytes:
    return np.array(values, "<i4").tobytes()
