"""From a plan to what the templates see."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mcuq.codegen.names import comment_text, identifier, unique_identifiers
from mcuq.codegen.sections import section_views, step_section
from mcuq.codegen.view import (
    ArrayView,
    ModelView,
    PortView,
    ResultView,
    StagedView,
    StateView,
    StepView,
    float_constant,
    format_array,
)
from mcuq.ir.integer import quotient_limit
from mcuq.ir.plan import KernelCall, MemoryRegion, Plan
from mcuq.ir.program import ProgramPort, ProgramState, ProgramTensor
from mcuq.ir.types import CODE_TYPES, DType, QuantParams, Shape, elem_count
from mcuq.kernels.stack import stack_bound

ARENA_ALIGNMENT = 8
# What a function takes that copies constants, beside the copy of its kernel's parameters.
STAGING_BYTES = 64


def _shape(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _port(port: ProgramPort, tensor: ProgramTensor, member: str, index: int) -> PortView:
    same = port.model_shape == tensor.shape and port.perm == tuple(range(len(port.perm)))
    is_real = tensor.quant.dtype in CODE_TYPES
    has_features = tensor.quant.axis is not None
    return PortView(
        member=member,
        macro=member.upper(),
        label=comment_text(port.name),
        shape=_shape(tensor.shape),
        model_shape=_shape(port.model_shape),
        perm="" if same else ", ".join(map(str, port.perm)),
        elems=elem_count(tensor.shape),
        ctype=tensor.quant.dtype.ctype,
        dtype=tensor.quant.dtype.value,
        size_bytes=tensor.size_bytes,
        # That of its C type, no more: kernels read codes from any address.
        alignment=tensor.quant.dtype.itemsize,
        scale="one per feature" if has_features else float_constant(tensor.quant.step),
        zero_point=tensor.quant.zero_point,
        qmin=tensor.quant.dtype.qmin,
        qmax=tensor.quant.dtype.qmax,
        quotient_bits=quotient_limit(tensor.quant.dtype).bit_length() - 1 if is_real else 0,
        index=index,
        feature_scales=tuple(map(float_constant, tensor.quant.scale)) if has_features else (),
        fraction_bits=_fraction_bits(tensor.quant),
    )


def _fraction_bits(quant: QuantParams) -> int | None:
    """The n of a scale of 2^-n, in int16; None where there is none."""
    if quant.dtype is not DType.INT16 or quant.zero_point != 0 or quant.axis is not None:
        return None
    mantissa, exponent = math.frexp(quant.step)
    return 1 - exponent if mantissa == 0.5 else None


def _state(state: ProgramState, tensor: ProgramTensor, member: str) -> StateView:
    first = int(state.initial.flat[0])
    is_uniform = bool((state.initial == first).all())
    return StateView(
        member=member,
        label=comment_text(state.name),
        shape=_shape(tensor.shape),
        elems=elem_count(tensor.shape),
        ctype=tensor.quant.dtype.ctype,
        dtype=tensor.quant.dtype.value,
        size_bytes=tensor.size_bytes,
        scale=float_constant(tensor.quant.step),
        zero_point=tensor.quant.zero_point,
        fill=first if is_uniform else None,
        symbol=f"state_{member}",
        lines=() if is_uniform else format_array(state.initial),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Buffers:
    """The caller's buffers, by their index in the program."""

    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]
    state: tuple[StateView, ...]


def _buffers(plan: Plan) -> _Buffers:
    program = plan.program
    ports = (*program.inputs, *program.outputs)
    names = [port.name for port in ports] + [state.name for state in program.state]
    members = unique_identifiers(names)
    count = len(program.inputs)
    views = tuple(
        _port(port, program.tensors[port.tensor], member, index if index < count else index - count)
        for index, (port, member) in enumerate(zip(ports, members[: len(ports)], strict=True))
    )
    if program.consumes_inputs:
        places = [plan.memory.places[port.tensor] for port in program.inputs]
        views = (
            *(
                dataclasses.replace(view, offset=place.offset)
                for view, place in zip(views, places, strict=False)
                if place
            ),
            *views[count:],
        )
    state = tuple(
        _state(each, program.tensors[each.before], member)
        for each, member in zip(program.state, members[len(ports) :], strict=True)
    )
    return _Buffers(views[:count], views[count:], state)


@dataclasses.dataclass(frozen=True, slots=True)
class _Address:
    """Where a tensor lies: in C, and for the reader."""

    code: str
    place: str


def _address(plan: Plan, tensor: int, buffers: _Buffers) -> _Address:
    place = plan.memory.places[tensor]
    assert place is not None
    match place.region:
        case MemoryRegion.INPUT:
            code = f"io->{buffers.inputs[place.index].member}"
        case MemoryRegion.OUTPUT:
            code = f"io->{buffers.outputs[place.index].member}"
        case MemoryRegion.STATE:
            code = f"state->{buffers.state[place.index].member}"
        case MemoryRegion.ARENA:
            dtype = plan.program.tensors[tensor].quant.dtype
            # The planner aligns all tensors; scratch and int8 are bytes as they are.
            cast = "" if dtype is DType.INT8 else f"({dtype.ctype} *)(void *)"
            return _Address(f"{cast}&work[{place.offset}]", f"[{place.offset}]")
    if place.offset:
        code = f"&{code}[{place.offset // plan.program.tensors[tensor].quant.dtype.itemsize}]"
    return _Address(code, code)


def _arguments(plan: Plan, index: int, inputs: list[str], outputs: list[str]) -> list[str]:
    """Inputs one by one or as one list, then the outputs, then scratch."""
    step, call = plan.program.steps[index], plan.calls[index]
    if call.inputs is not None:
        inputs = [inputs[position] for position in call.inputs]
    if call.takes_input_list:
        ctype = plan.program.tensors[step.inputs[0]].quant.dtype.ctype
        inputs = [f"(const {ctype} *const[]){{{', '.join(inputs)}}}"]
    scratch = [f"&work[{plan.memory.scratch_offsets[index]}]"] if call.scratch_bytes else []
    if call.is_library_call and not scratch:
        scratch = ["NULL"]
    return [*inputs, *outputs, *scratch]


class _Symbols:
    """Names of what is defined once and used by several steps: strips of a layer share constants."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._arrays: dict[int, str] = {}
        self._params: dict[tuple[object, ...], str] = {}

    def arrays(self, call: KernelCall, position: int) -> tuple[ArrayView, ...]:
        """The constant arrays of a step."""
        views = []
        for array in call.arrays:
            is_first = id(array) not in self._arrays
            own = f"{self._name}_w{position:02d}_{array.field}"
            symbol = self._arrays.setdefault(id(array), own)
            lines = format_array(array.values) if is_first else ()
            ctype = f"{array.values.dtype.name}_t"
            views.append(ArrayView(array.field, ctype, symbol, array.values.size, array.comment, lines))
        return tuple(views)

    def params(self, call: KernelCall, symbol: str) -> str:
        """The parameters of a step: its own, or those of an earlier one that are the same."""
        key = (call.kernel, call.fields, tuple(map(id, call.arrays)))
        return self._params.setdefault(key, symbol)


def _staged_views(plan: Plan, index: int) -> tuple[StagedView, ...]:
    """The constants of a step that wait in the arena."""
    call = plan.calls[index]
    arrays = {array.field: array.values for array in call.arrays}
    views = []
    for each in plan.memory.staged_of(index):
        values, pointer = arrays[each.field], each.field
        members: tuple[tuple[str, int], ...] = ()
        copied = values.nbytes
        if each.pieces:
            near = call.near
            assert near is not None and near.field == each.field, each
            pointer, copied = near.pointer, each.pieces * near.piece_bytes
            members = tuple((name, counts[each.pieces]) for name, counts in near.members)
        assert each.size_bytes == copied <= values.nbytes, each
        is_bytes = values.dtype.itemsize == 1
        cast = "" if is_bytes else f"(const {values.dtype.name}_t *)(const void *)"
        views.append(StagedView(each.field, pointer, members, each.offset, cast, copied))
    return tuple(views)


def _context(name: str, arguments: Sequence[str]) -> tuple[str, str]:
    """Parameters of a function that calls a kernel, and what they are given: what the arguments name."""
    text = " ".join(arguments)
    known = (("io", f"const {name}_io *io"), ("state", f"{name}_state *state"))
    named = [(given, declared) for given, declared in known if f"{given}->" in text]
    named.append(("work", "int8_t *work"))
    return ", ".join(declared for _, declared in named), ", ".join(given for given, _ in named)


def _step_view(
    plan: Plan, name: str, position: int, first_result: int, buffers: _Buffers, symbols: _Symbols
) -> StepView:
    index = plan.memory.order[position]
    step, call = plan.program.steps[index], plan.calls[index]
    xs, ys = (
        [(_address(plan, tensor, buffers), plan.program.tensors[tensor]) for tensor in tensors]
        for tensors in (step.inputs, step.outputs)
    )
    places = [
        f"{role} {address.place} ({tensor.size_bytes} B)"
        for role, several in (("x", xs), ("y", ys))
        for address, tensor in several
    ]
    shapes = " -> ".join(", ".join(_shape(tensor.shape) for _, tensor in several) for several in (xs, ys))
    label = comment_text(step.name)
    own = f"{name}_p{position:02d}_{identifier(step.name)}"
    params = symbols.params(call, own) if plan.program.has_strips else own
    codes = [[address.code for address, _ in several] for several in (xs, ys)]
    arguments = _arguments(plan, index, *codes)
    staged = _staged_views(plan, index)
    if staged:
        waiting = ", ".join(f"[{each.offset}] ({each.size_bytes} B)" for each in staged)
        places.append(f"constants wait at {waiting}")
    return StepView(
        index=position,
        params=params,
        struct=f"{call.kernel}_params",
        kernel=call.kernel,
        label=label,
        comment=f"{position:02d} {step.op.kind} {label}: {shapes}; {'; '.join(places)}",
        fields=call.fields,
        arrays=symbols.arrays(call, position),
        arguments=", ".join([f"&{'waiting' if staged else params}", *arguments]),
        results=tuple(
            ResultView(first_result + number, label, address.code, tensor.size_bytes)
            for number, (address, tensor) in enumerate(ys)
        ),
        staged=staged,
        helper=f"{name}_run{position:02d}" if staged else "",
        context=_context(name, arguments),
        is_first=params == own,
        section=step_section(plan, index, name.upper()),
        is_library_call=call.is_library_call,
    )


def _stack_bytes(plan: Plan) -> int | None:
    """The bound of the kernels, and the frame of a function that copies parameters and constants."""
    bound = stack_bound(plan.resolved.core.name, (call.kernel for call in plan.calls))
    members = [
        len(call.fields) + len(call.arrays) + 1
        for index, call in enumerate(plan.calls)
        if plan.memory.staged_of(index)
    ]
    frame = STAGING_BYTES + 4 * max(members) if members else 0
    return None if bound is None else -(-(bound + frame) // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


def _step_views(plan: Plan, name: str, buffers: _Buffers) -> tuple[StepView, ...]:
    views: list[StepView] = []
    symbols, results = _Symbols(name), 0
    for position in range(len(plan.memory.order)):
        views.append(_step_view(plan, name, position, results, buffers, symbols))
        results += len(views[-1].results)
    return tuple(views)


def model_view(plan: Plan, name: str, banner: tuple[str, ...]) -> ModelView:
    """Everything the templates need of a plan."""
    buffers = _buffers(plan)
    steps = _step_views(plan, name, buffers)
    types = {tensor.quant.dtype for tensor in plan.program.tensors}
    return ModelView(
        name=name,
        macro=name.upper(),
        banner=banner,
        inputs=buffers.inputs,
        outputs=buffers.outputs,
        state=buffers.state,
        steps=steps,
        types=" and ".join(dtype.value for dtype in CODE_TYPES if dtype in types),
        kernels=tuple(sorted({step.kernel for step in steps} | {"mcuq_stage" for s in steps if s.staged})),
        # A zero-sized array is not C: the arena has at least its alignment.
        arena_bytes=max(plan.memory.arena_bytes, ARENA_ALIGNMENT),
        arena_alignment=ARENA_ALIGNMENT,
        stack_bytes=_stack_bytes(plan),
        uses_arena=plan.memory.arena_bytes > 0,
        rounding=plan.program.rounding.value,
        ranges=plan.program.origin.ranges.value,
        target=plan.target,
        sections=section_views(plan),
    )
