"""The stored program, `<name>.mcuq.npz`: integers only, so firmware built from it is the same everywhere."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

from mcuq.errors import McuqError, fail
from mcuq.ir.codec import DecodeError, Decoder, Encoder
from mcuq.ir.integer import Rounding
from mcuq.ir.op import ShapeError
from mcuq.ir.program import CodeRange, Program, StepOp
from mcuq.ir.state import changes_in_order, state_codes
from mcuq.ir.types import CODE_TYPES, MAX_MACS, MAX_TENSOR_ELEMS, Array, DType, elem_count
from mcuq.reading.archive import ZIP_ERRORS, Archive
from mcuq.reading.text import parse_json

_FORMAT = 1
_HEADER = "program.json"
# More than any microcontroller holds; a zip bomb claims more.
MAX_BYTES = 256 << 20
_DAMAGE = (*ZIP_ERRORS, DecodeError, TypeError, MemoryError)


def program_to_npz(program: Program) -> bytes:
    """The program as an npz archive; equal programs give equal bytes.

    Members are stored, not compressed: what a compressor gives differs from one of its versions to the next.
    """
    encoder = Encoder()
    text = json.dumps({"format": _FORMAT, "program": encoder.encode(program)}, indent=1, ensure_ascii=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _write(archive, _HEADER, text.encode())
        for key, array in encoder.arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)
            _write(archive, f"{key}.npy", data.getvalue())
    return buffer.getvalue()


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # A fixed date and system: the archive must not depend on when and where it was written.
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3  # Unix, for the mode
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


def program_from_npz(data: bytes, where: str, step_ops: Mapping[str, type[StepOp]]) -> Program:
    """Read a stored program and check it.

    Args:
        data: the file's content.
        where: the file's name, for messages.
        step_ops: the operators by kind.

    Raises:
        McuqError: M009 where the file is damaged, of another format, or not a sound program.
    """
    try:
        archive = Archive(io.BytesIO(data), MAX_BYTES)
        header = parse_json(archive.read(_HEADER))
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            raise DecodeError(f"the format is {header.get('format') if isinstance(header, dict) else '?'!r}")
        program = Decoder(_Arrays(archive), {StepOp: step_ops}).decode(Program, header.get("program"))
        check_program(program)
    except _DAMAGE as error:
        raise _damaged(where, str(error) or type(error).__name__) from None
    return program


def _damaged(where: str, why: str) -> McuqError:
    return fail(
        "M009",
        "the stored Program is damaged or of another format",
        where=where,
        why=why,
        fix=f"build it again from the model (this version reads format {_FORMAT})",
    )


class _Arrays(Mapping[str, Array]):
    """The arrays of an archive, each read when the program refers to it."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._names = {name.removesuffix(".npy"): name for name in archive.names if name != _HEADER}
        self._read: dict[str, Array] = {}

    def __getitem__(self, key: str) -> Array:
        if key not in self._read:
            self._read[key] = self._archive.array(self._names[key])
        return self._read[key]

    def __contains__(self, key: object) -> bool:
        return key in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def check_program(program: Program) -> None:
    """Check that every step reads what is there and fits its tensors.

    Raises:
        DecodeError: with the first thing that is wrong.
    """
    if not 1 <= program.max_recompute <= 16:
        raise DecodeError(f"max_recompute is {program.max_recompute}")
    _check_tensors(program)
    _check_state_values(program)
    given = [port.tensor for port in program.inputs] + [state.before for state in program.state]
    ranges: dict[int, CodeRange] = {}
    for storage in map(program.storage, given):
        dtype = program.tensors[storage].quant.dtype
        ranges[storage] = dtype.qmin, dtype.qmax
    for state in program.state:
        ranges[program.storage(state.before)] = state_codes(program.steps, program.tensors, state)
    for index, step in enumerate(program.steps):
        if step.layer is not None:
            raise DecodeError(f"step {index} is a strip of another: strips are not stored")
        _check_step(program, index, ranges)
        for output, code_range in zip(step.outputs, step.op.code_ranges(), strict=True):
            ranges[program.storage(output)] = code_range
    if sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps) > MAX_MACS:
        raise DecodeError(f"the steps have more than {MAX_MACS:_} multiply-accumulates")
    kept = [port.tensor for port in program.outputs] + [state.after for state in program.state]
    owners = [program.storage(tensor) for tensor in (*given, *kept)]
    if not ranges.keys() >= set(owners) or len({*owners}) != len(owners):
        raise DecodeError("an output is not computed, or is an input, or two ports share a tensor")
    _check_ports(program)
    _check_state(program)
    if set(_roundings(program)) != {program.rounding}:
        raise DecodeError("the steps do not share the program's rounding")
    _check_texts(program)


def _has_features(program: Program, index: int) -> bool:
    """Whether a tensor is an input whose features may have scales of their own."""
    tensor = program.tensors[index]
    ports = [port for port in program.inputs if port.tensor == index and port.model_shape == tensor.shape]
    is_input = any(port.perm == tuple(range(len(tensor.shape))) for port in ports)
    return (
        is_input
        and all(port.tensor != index for port in program.outputs)
        and tensor.quant.dtype is DType.INT16
        and tensor.quant.axis == len(tensor.shape) - 1
        and len(tensor.quant.scale) == tensor.shape[-1]
    )


def _check_tensors(program: Program) -> None:
    """Every tensor has a storage and a size, and everything refers to a tensor."""
    count = len(program.tensors)
    for index, tensor in enumerate(program.tensors):
        if not 0 <= tensor.storage < count or program.tensors[tensor.storage].storage != tensor.storage:
            raise DecodeError(f"tensor {index} has no storage")
        if tensor.offset or tensor.part is not None:
            raise DecodeError(f"tensor {index} is a part of another: strips are not stored")
        if min(tensor.shape, default=1) < 1:
            raise DecodeError(f"tensor {index} has shape {tensor.shape}")
        if tensor.quant.axis is not None and not _has_features(program, index):
            raise DecodeError(f"tensor {index} of shape {tensor.shape} has {len(tensor.quant.scale)} scales")
        if elem_count(tensor.shape) > MAX_TENSOR_ELEMS:
            most = f"more than {MAX_TENSOR_ELEMS:_} elements"
            raise DecodeError(f"tensor {index} of shape {tensor.shape} has {most}")
        if tensor.size_bytes != program.tensors[tensor.storage].size_bytes:
            raise DecodeError(f"tensor {index} has another size than its storage")
        if tensor.quant.dtype is not program.tensors[tensor.storage].quant.dtype:
            raise DecodeError(f"tensor {index} has another type than its storage")
    ports = [port.tensor for port in (*program.inputs, *program.outputs)]
    used = ports + [t for step in program.steps for t in (*step.inputs, *step.outputs)]
    used += [t for state in program.state for t in (state.before, state.after)]
    if not ports or not program.outputs or not all(0 <= t < count for t in used):
        raise DecodeError("a step or port refers to no tensor")


def _check_texts(program: Program) -> None:
    """Every name can be written to a file, and the hash is one."""
    names = [tensor.name for tensor in program.tensors] + [step.name for step in program.steps]
    names += [port.name for port in (*program.inputs, *program.outputs)]
    names += [state.name for state in program.state]
    names += [each.name for each in program.origin.seen]
    # JSON can escape lone surrogates, which no file can hold: UnicodeEncodeError.
    "".join((*names, *itertools.chain(*program.origin.options))).encode()
    if re.fullmatch("[0-9a-f]{64}", program.origin.model_sha256) is None:
        raise DecodeError("the model's hash is malformed")


def _check_state_values(program: Program) -> None:
    """The values that a state begins with are codes of its type and shape."""
    for index, state in enumerate(program.state):
        before = program.tensors[state.before]
        if state.initial.dtype != before.quant.dtype.numpy or state.initial.shape != before.shape:
            raise DecodeError(f"state {index} begins with values of another type or shape")


def _check_state(program: Program) -> None:
    """Both tensors of a state are alike, and the new value can take the memory of the old one."""
    for index, state in enumerate(program.state):
        before, after = program.tensors[state.before], program.tensors[state.after]
        if (before.shape, before.quant) != (after.shape, after.quant):
            raise DecodeError(f"state {index} has other shapes or parameters before and after a run")
        if not changes_in_order(program.tensors, program.steps, state.before, state.after):
            raise DecodeError(f"state {index} is read after it has changed")


def _check_ports(program: Program) -> None:
    for names in (
        [port.name for port in program.inputs],
        [port.name for port in program.outputs],
        [state.name for state in program.state],
    ):
        if len({*names}) != len(names):
            raise DecodeError("two ports have one name")
    for port in program.inputs:
        quant = program.tensors[port.tensor].quant
        is_index = quant.dtype is DType.INT32 and (quant.scale, quant.zero_point) == ((1.0,), 0)
        if quant.dtype not in CODE_TYPES and not is_index:
            raise DecodeError(f"input {port.name!r} is neither int8 nor int16 nor whole numbers in int32")
    for port in (*program.inputs, *program.outputs):
        if elem_count(port.model_shape) != elem_count(program.tensors[port.tensor].shape) or sorted(
            port.perm
        ) != list(range(len(port.model_shape))):
            raise DecodeError(f"port {port.name!r} does not fit its tensor")


def _roundings(value: object) -> Iterator[Rounding]:
    """Every rounding contract inside a value."""
    if isinstance(value, Rounding):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _roundings(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _roundings(getattr(value, field.name))


def _check_step(program: Program, index: int, ranges: Mapping[int, CodeRange]) -> None:
    step = program.steps[index]
    if not ranges.keys() >= {program.storage(t) for t in step.inputs}:
        raise DecodeError(f"step {index} reads what is not computed yet")
    written = [program.storage(tensor) for tensor in step.outputs]
    if any(storage in ranges for storage in written) or len({*written}) != len(written):
        raise DecodeError(f"step {index} overwrites a tensor")
    inputs, outputs = (
        [program.tensors[tensor] for tensor in tensors] for tensors in (step.inputs, step.outputs)
    )
    try:
        types = step.op.output_types(*(tensor.quant.dtype for tensor in inputs))
        shapes = step.op.infer_outputs(*(tensor.shape for tensor in inputs))
        step.op.check(*(ranges[program.storage(t)] for t in step.inputs))
    except (ShapeError, ValueError, IndexError) as error:
        raise DecodeError(f"step {index}: {error}") from None
    found = [tensor.quant.dtype for tensor in outputs]
    if [*types] != found:
        given, declared = (", ".join(each.value for each in several) for several in (types, found))
        raise DecodeError(f"step {index} gives {given} for {declared}")
    if [*shapes] != [tensor.shape for tensor in outputs]:
        given = ", ".join(map(str, shapes))
        raise DecodeError(f"step {index} gives shape {given} for {', '.join(str(t.shape) for t in outputs)}")
