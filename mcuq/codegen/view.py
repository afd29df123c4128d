"""What the templates see: strings and integers only, ready to be laid out."""

from __future__ import annotations

import dataclasses

from mcuq.codegen.names import comment_text, identifier, unique_identifiers
from mcuq.ir.plan import KernelCall, MemoryRegion, Plan
from mcuq.ir.program import ProgramPort, ProgramTensor
from mcuq.ir.types import Array, Shape, elem_count
from mcuq.kernels.stack import stack_bound
from mcuq.targets import load_target

ARENA_ALIGNMENT = 8
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
        index: among the inputs or the outputs.
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
    index: int


@dataclasses.dataclass(frozen=True, slots=True)
class ArrayView:
    """A constant array: C type, name, and its numbers in lines."""

    field: str
    ctype: str
    symbol: str
    count: int
    comment: str
    lines: tuple[str, ...]


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
        arguments: parameters, inputs, output, scratch.
        output: expression of the output's address.
        output_bytes: its size.
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
    output: str
    output_bytes: int


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
    steps: tuple[StepView, ...]
    kernels: tuple[str, ...]
    arena_bytes: int
    arena_alignment: int
    stack_bytes: int | None
    uses_arena: bool
    rounding: str
    ranges: str
    target: str

    @property
    def ports(self) -> tuple[PortView, ...]:
        """Inputs, then outputs."""
        return (*self.inputs, *self.outputs)


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


def _shape(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _port(port: ProgramPort, tensor: ProgramTensor, member: str, index: int) -> PortView:
    same = port.model_shape == tensor.shape and port.perm == tuple(range(len(port.perm)))
    return PortView(
        member=member,
        macro=member.upper(),
        label=comment_text(port.name),
        shape=_shape(tensor.shape),
        model_shape=_shape(port.model_shape),
        perm="" if same else ", ".join(map(str, port.perm)),
        elems=elem_count(tensor.shape),
        ctype=f"{tensor.quant.dtype.value}_t",
        dtype=tensor.quant.dtype.value,
        size_bytes=tensor.size_bytes,
        # That of its C type, no more: kernels read codes from any address.
        alignment=tensor.quant.dtype.itemsize,
        scale=float_constant(tensor.quant.step),
        zero_point=tensor.quant.zero_point,
        index=index,
    )


def _port_views(plan: Plan) -> tuple[tuple[PortView, ...], tuple[PortView, ...]]:
    program = plan.program
    ports = (*program.inputs, *program.outputs)
    members = unique_identifiers(port.name for port in ports)
    count = len(program.inputs)
    views = tuple(
        _port(port, program.tensors[port.tensor], member, index if index < count else index - count)
        for index, (port, member) in enumerate(zip(ports, members, strict=True))
    )
    return views[:count], views[count:]


def _address(plan: Plan, tensor: int, inputs: tuple[PortView, ...], outputs: tuple[PortView, ...]) -> str:
    place = plan.memory.places[plan.program.storage(tensor)]
    assert place is not None
    match place.region:
        case MemoryRegion.ARENA:
            return f"&work[{place.offset}]"  # int8 only: other types are outputs
        case MemoryRegion.INPUT:
            return f"io->{inputs[place.index].member}"
        case MemoryRegion.OUTPUT:
            return f"io->{outputs[place.index].member}"


def _arguments(call: KernelCall, addresses: list[str]) -> list[str]:
    """Inputs one by one or as one list, then the output."""
    if not call.takes_input_list:
        return addresses
    return [f"(const int8_t *const[]){{{', '.join(addresses[:-1])}}}", addresses[-1]]


def _step_view(
    plan: Plan, name: str, position: int, inputs: tuple[PortView, ...], outputs: tuple[PortView, ...]
) -> StepView:
    index = plan.memory.order[position]
    step, call = plan.program.steps[index], plan.calls[index]
    addresses = [_address(plan, tensor, inputs, outputs) for tensor in (*step.inputs, step.output)]
    tensors = [plan.program.tensors[tensor] for tensor in (*step.inputs, step.output)]
    places = [
        f"{role} {address.replace('&work', '')} ({tensor.size_bytes} B)"
        for role, address, tensor in zip((*["x"] * len(step.inputs), "y"), addresses, tensors, strict=True)
    ]
    output = addresses[-1]
    arguments = _arguments(call, addresses)
    if call.scratch_bytes:
        arguments.append(f"&work[{plan.memory.scratch_offsets[index]}]")
    shapes = f"{', '.join(_shape(t.shape) for t in tensors[:-1])} -> {_shape(tensors[-1].shape)}"
    symbol = identifier(step.name)
    arrays = tuple(
        ArrayView(
            field=array.field,
            ctype=f"{array.values.dtype.name}_t",
            symbol=f"w{position:02d}_{array.field}",
            count=array.values.size,
            comment=array.comment,
            lines=format_array(array.values),
        )
        for array in call.arrays
    )
    label = comment_text(step.name)
    params = f"{name}_p{position:02d}_{symbol}"
    return StepView(
        index=position,
        params=params,
        struct=f"{call.kernel}_params",
        kernel=call.kernel,
        label=label,
        comment=f"{position:02d} {step.op.kind} {label}: {shapes}; {'; '.join(places)}",
        fields=call.fields,
        arrays=arrays,
        arguments=", ".join([f"&{params}", *arguments]),
        output=output,
        output_bytes=tensors[-1].size_bytes,
    )


def model_view(plan: Plan, name: str, banner: tuple[str, ...]) -> ModelView:
    """Everything the templates need of a plan."""
    inputs, outputs = _port_views(plan)
    steps = tuple(
        _step_view(plan, name, position, inputs, outputs) for position in range(len(plan.memory.order))
    )
    return ModelView(
        name=name,
        macro=name.upper(),
        banner=banner,
        inputs=inputs,
        outputs=outputs,
        steps=steps,
        kernels=tuple(sorted({step.kernel for step in steps})),
        # A zero-sized array is not C: the arena has at least its alignment.
        arena_bytes=max(plan.memory.arena_bytes, ARENA_ALIGNMENT),
        arena_alignment=ARENA_ALIGNMENT,
        stack_bytes=stack_bound(load_target(plan.target).core.name, (call.kernel for call in plan.calls)),
        uses_arena=plan.memory.arena_bytes > 0,
        rounding=plan.program.rounding.value,
        ranges=plan.program.origin.ranges.value,
        target=plan.target,
    )
