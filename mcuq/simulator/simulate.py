"""Run a program in NumPy, exactly. `StepOp.run` is the definition; here is only the order and the memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from mcuq.ir.plan import MemoryRegion, Place, Plan
from mcuq.ir.program import Program, Step
from mcuq.ir.types import Array, elem_count

# Elements of the largest tensor of samples that run together: fewer cost more in calls than they gain in
# caches, as measured on the networks of MLPerf Tiny.
CHUNK_ELEMS = 1 << 19
LEAST_CHUNK = 8
MAX_THREADS = 8
# Multiply-accumulates of all samples from which threads gain more than they cost.
LEAST_MACS = 1 << 25


# Codes of all state of a program, `[*shape]` each.
State: TypeAlias = tuple[Array, ...]
# Number of a step, the step, and its outputs, `[samples, *output shape]` each.
Traced: TypeAlias = tuple[int, Step, tuple[Array, ...]]


def initial_state(program: Program) -> State:
    """The state before the first run."""
    return tuple(state.initial for state in program.state)


def trace_program(program: Program, inputs: Sequence[Array], state: State | None = None) -> Iterator[Traced]:
    """Run all steps and yield each one's outputs.

    Args:
        program: what to run.
        inputs: codes per input port, `[samples, *device shape]`; where there is state, samples follow each
            other in time.
        state: before the first sample, by default the initial one.

    Yields:
        (step index, step, codes of each output `[samples, *output shape]`), in program order.
    """
    if not program.state:
        yield from _trace(program, inputs, ())
        return
    found: dict[int, list[tuple[Array, ...]]] = {}
    for traced in _trace_in_turn(program, inputs, initial_state(program) if state is None else state):
        for index, _, ys in traced:
            found.setdefault(index, []).append(ys)
    for index, step in enumerate(program.steps):
        yield index, step, tuple(np.concatenate(parts) for parts in zip(*found[index], strict=True))


def _trace_in_turn(program: Program, inputs: Sequence[Array], state: State) -> Iterator[list[Traced]]:
    """The trace of each sample, which starts with the state that the one before left."""
    for sample in range(len(inputs[0])):
        traced = list(_trace(program, [x[sample : sample + 1] for x in inputs], state))
        state = _next_state(program, traced)
        yield traced


def _next_state(program: Program, traced: Iterable[Traced]) -> State:
    """What the steps of one sample left for the next."""
    return tuple(codes[0] for codes in _next_states(program, traced))


def _next_states(program: Program, traced: Iterable[Traced]) -> State:
    """What the steps of every sample left for the next run, `[samples, *shape]` each."""
    values = {
        program.storage(tensor): y
        for _, step, ys in traced
        for tensor, y in zip(step.outputs, ys, strict=True)
    }
    found = [(values[program.storage(each.after)], each.before) for each in program.state]
    return tuple(codes.reshape(len(codes), *program.tensors[before].shape) for codes, before in found)


def _trace(program: Program, inputs: Sequence[Array], state: State) -> Iterator[Traced]:
    """Run all steps, every sample from the same state or, where there is one for each, from its own."""
    samples = len(inputs[0])
    values: dict[int, Array] = {
        program.storage(port.tensor): x for port, x in zip(program.inputs, inputs, strict=True)
    }
    for each, codes in zip(program.state, state, strict=True):
        shape = program.tensors[each.before].shape
        values[program.storage(each.before)] = np.broadcast_to(codes, (samples, *shape))
    last_use = _last_uses(program)
    for index, step in enumerate(program.steps):
        xs = [_view(program, values, tensor) for tensor in step.inputs]
        ys = _run_step(step, xs, samples)
        for tensor, y in zip(step.outputs, ys, strict=True):
            _put(program, values, tensor, y)
        yield index, step, ys
        for storage in last_use.get(index, ()):
            del values[storage]


def _run_step(step: Step, xs: Sequence[Array], samples: int) -> tuple[Array, ...]:
    """The step's outputs; a step without inputs gives every sample the same."""
    ys = step.op.run_outputs(*xs)
    return ys if xs else tuple(np.repeat(y, samples, axis=0) for y in ys)


def _last_uses(program: Program) -> dict[int, list[int]]:
    """For each step the storages that nothing reads after it."""
    last = {
        program.storage(t): i for i, step in enumerate(program.steps) for t in (*step.inputs, *step.outputs)
    }
    ends: dict[int, list[int]] = {}
    for storage, index in last.items():
        ends.setdefault(index, []).append(storage)
    return ends


def _view(program: Program, values: Mapping[int, Array], tensor: int) -> Array:
    """A tensor's codes; a copy of them where their memory is written in parts."""
    value, like = values[program.storage(tensor)], program.tensors[tensor]
    if program.has_strips:
        raw = _bytes(value)[:, like.offset : like.offset + like.size_bytes]
        value = raw.copy().view(like.quant.dtype.numpy)
    return value.reshape(len(value), *like.shape)


def _put(program: Program, values: dict[int, Array], tensor: int, y: Array) -> None:
    """Keep a step's output; bytes of a storage where it is a part of it."""
    storage, like = program.storage(tensor), program.tensors[tensor]
    if not program.has_strips:
        values[storage] = y
        return
    if storage not in values:
        values[storage] = np.zeros((len(y), program.tensors[storage].size_bytes), np.int8)
    values[storage][:, like.offset : like.offset + like.size_bytes] = _bytes(y)


def simulate_program(program: Program, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """Codes of every output port, `[samples, *device shape]`, from the initial state where there is state.

    Without state samples do not depend on each other: chunks of them run in threads.
    """
    if program.state:
        return simulate_sequence(program, inputs, initial_state(program))[0]
    samples = len(inputs[0])
    threads = _threads(program, samples)
    chunk = min(samples_together(program), -(-samples // threads))
    # NumPy works outside the interpreter's lock. Products that started threads of their own in each of these
    # would wait for each other: several times slower on two cores.
    alone = threadpool_limits(1, user_api="blas") if threads > 1 else contextlib.nullcontext()
    with alone, ThreadPoolExecutor(threads) as pool:
        parts = ([x[at : at + chunk] for x in inputs] for at in range(0, samples, chunk))
        chunks = list(pool.map(lambda part: _outputs(program, _trace(program, part, ())), parts))
    return _joined(program, chunks)


def simulate_sequence(
    program: Program, inputs: Sequence[Array], state: State
) -> tuple[tuple[Array, ...], State]:
    """Run samples that follow each other in time.

    Args:
        program: with or without state.
        inputs: codes per input port, `[samples, *device shape]`.
        state: before the first sample.

    Returns:
        Codes of every output port, `[samples, *device shape]`, and the state after the last sample.
    """
    chunks = []
    for traced in _trace_in_turn(program, inputs, state):
        chunks.append(_outputs(program, traced))
        state = _next_state(program, traced)
    return _joined(program, chunks), state


def simulate_together(program: Program, runs: Iterable[Sequence[Array]]) -> Iterator[tuple[Array, ...]]:
    """Run sequences that do not depend on each other beside each other, each from the initial state.

    Args:
        program: with or without state.
        runs: codes per input port, `[sequences, *device shape]`, run after run.

    Yields:
        Codes of every output port, `[sequences, *device shape]`, run after run.
    """
    state = initial_state(program)
    for inputs in runs:
        traced = list(_trace(program, inputs, state))
        state = _next_states(program, traced)
        yield _joined(program, [_outputs(program, traced)])


def _joined(program: Program, chunks: Sequence[Sequence[Array]]) -> tuple[Array, ...]:
    """The output ports of all samples, in the ports' shapes."""
    return tuple(
        np.concatenate(part).reshape(-1, *program.tensors[port.tensor].shape)
        for part, port in zip(zip(*chunks, strict=True), program.outputs, strict=True)
    )


def _threads(program: Program, samples: int) -> int:
    """As many as there are cores, or one where the work does not pay for more."""
    macs = sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps)
    return 1 if macs * samples < LEAST_MACS else min(MAX_THREADS, os.cpu_count() or 1)


def samples_together(program: Program) -> int:
    """How many samples run together at most, so that their codes stay in a processor's caches."""
    largest = max((elem_count(tensor.shape) for tensor in program.tensors), default=1)
    return max(LEAST_CHUNK, CHUNK_ELEMS // max(largest, 1))


def _outputs(program: Program, traced: Iterable[Traced]) -> list[Array]:
    """The values of the output ports, in the shapes of the steps that computed them."""
    wanted = {program.storage(port.tensor) for port in program.outputs}
    found = {
        program.storage(tensor): y
        for _, step, ys in traced
        for tensor, y in zip(step.outputs, ys, strict=True)
        if program.storage(tensor) in wanted
    }
    return [found[program.storage(port.tensor)] for port in program.outputs]


def trace_plan(plan: Plan, inputs: Sequence[Array]) -> Iterator[Traced]:
    """Like `trace_program`, but inside the planned memory: every tensor is read and written at its place.

    Tensors that share bytes overwrite each other as they do on the device, so a wrong plan gives wrong
    numbers here too. In the order of execution.
    """
    if not plan.program.state:
        yield from _trace_plan(plan, inputs, _caller_memory(plan, len(inputs[0])))
        return
    memory, found = _caller_memory(plan, 1), []
    for sample in range(len(inputs[0])):
        found.append(list(_trace_plan(plan, [x[sample : sample + 1] for x in inputs], memory)))
    for same in zip(*found, strict=True):
        index, step, _ = same[0]
        yield index, step, tuple(np.concatenate(ys) for ys in zip(*(ys for _, _, ys in same), strict=True))


_Memory: TypeAlias = dict[tuple[MemoryRegion, int], Array]


def _caller_memory(plan: Plan, samples: int) -> _Memory:
    """All memory but the inputs', as int8 `[samples, bytes]`: state is initial, everything else zero."""
    program = plan.program
    memory = {(MemoryRegion.ARENA, 0): np.zeros((samples, plan.memory.arena_bytes), np.int8)}
    for number, port in enumerate(program.outputs):
        size = program.tensors[port.tensor].size_bytes
        memory[MemoryRegion.OUTPUT, number] = np.zeros((samples, size), np.int8)
    for number, state in enumerate(program.state):
        memory[MemoryRegion.STATE, number] = np.repeat(_bytes(state.initial[None]), samples, axis=0)
    return memory


def _bytes(values: Array) -> Array:
    """`[samples, ...]` of any type as int8 `[samples, bytes]`."""
    return np.ascontiguousarray(values).reshape(len(values), -1).view(np.int8)


def _trace_plan(plan: Plan, inputs: Sequence[Array], memory: _Memory) -> Iterator[Traced]:
    for number, x in enumerate(inputs):
        dtype = plan.program.tensors[plan.program.inputs[number].tensor].quant.dtype
        if plan.program.consumes_inputs:
            _store(plan, memory, plan.program.inputs[number].tensor, x.astype(dtype.numpy))
        else:
            memory[MemoryRegion.INPUT, number] = _bytes(x.astype(dtype.numpy))
    for index in plan.memory.order:
        step = plan.program.steps[index]
        ys = _run_step(step, [_load(plan, memory, tensor) for tensor in step.inputs], len(inputs[0]))
        for tensor, y in zip(step.outputs, ys, strict=True):
            _store(plan, memory, tensor, y)
        _scribble(plan, memory[MemoryRegion.ARENA, 0], index)
        yield index, step, tuple(_load(plan, memory, tensor) for tensor in step.outputs)


def _span(plan: Plan, tensor: int) -> tuple[Place, slice]:
    place = plan.memory.places[tensor]
    assert place is not None
    return place, slice(place.offset, place.offset + plan.program.tensors[tensor].size_bytes)


def _load(plan: Plan, memory: Mapping[tuple[MemoryRegion, int], Array], tensor: int) -> Array:
    place, span = _span(plan, tensor)
    raw = memory[place.region, place.index][:, span]
    shape, dtype = plan.program.tensors[tensor].shape, plan.program.tensors[tensor].quant.dtype
    return raw.copy().view(dtype.numpy).reshape(len(raw), *shape)


def _store(plan: Plan, memory: Mapping[tuple[MemoryRegion, int], Array], tensor: int, value: Array) -> None:
    place, span = _span(plan, tensor)
    memory[place.region, place.index][:, span] = _bytes(value)


def _scribble(plan: Plan, arena: Array, index: int) -> None:
    """Destroy a step's scratch, as its kernel may."""
    start, size = plan.memory.scratch_offsets[index], plan.calls[index].scratch_bytes
    arena[:, start : start + size] = 0x55
