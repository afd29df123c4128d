"""Run a program in NumPy, exactly. `StepOp.run` is the definition; here is only the order and the memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from mcuq.ir.plan import MemoryRegion, Place, Plan
from mcuq.ir.program import Program, Step
from mcuq.ir.types import Array

# Samples run together at most: fewer cost more in calls than they gain in caches, as measured on ResNet8.
CHUNK = 24
MAX_THREADS = 8
# Multiply-accumulates of all samples from which threads gain more than they cost.
LEAST_MACS = 1 << 25


def trace_program(program: Program, inputs: Sequence[Array]) -> Iterator[tuple[int, Step, Array]]:
    """Run all steps and yield each one's output.

    Args:
        program: what to run.
        inputs: codes per input port, `[samples, *device shape]`.

    Yields:
        (step index, step, codes `[samples, *output shape]`), in program order.
    """
    values: dict[int, Array] = {
        program.storage(port.tensor): x for port, x in zip(program.inputs, inputs, strict=True)
    }
    last_use = _last_uses(program)
    for index, step in enumerate(program.steps):
        xs = [_view(program, values, tensor) for tensor in step.inputs]
        y = _run_step(step, xs, len(inputs[0]))
        values[program.storage(step.output)] = y
        yield index, step, y
        for storage in last_use.get(index, ()):
            del values[storage]


def _run_step(step: Step, xs: Sequence[Array], samples: int) -> Array:
    """The step's output; a step without inputs gives every sample the same."""
    y = step.op.run(*xs)
    return y if xs else np.repeat(y, samples, axis=0)


def _last_uses(program: Program) -> dict[int, list[int]]:
    """For each step the storages that nothing reads after it."""
    last = {
        program.storage(t): i for i, step in enumerate(program.steps) for t in (*step.inputs, step.output)
    }
    ends: dict[int, list[int]] = {}
    for storage, index in last.items():
        ends.setdefault(index, []).append(storage)
    return ends


def _view(program: Program, values: Mapping[int, Array], tensor: int) -> Array:
    value = values[program.storage(tensor)]
    return value.reshape(len(value), *program.tensors[tensor].shape)


def simulate_program(program: Program, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """Codes of every output port, `[samples, *device shape]`; chunks of samples run in threads."""
    samples = len(inputs[0])
    threads = _threads(program, samples)
    chunk = min(CHUNK, -(-samples // threads))
    # NumPy works outside the interpreter's lock; samples do not depend on each other.
    with ThreadPoolExecutor(threads) as pool:
        parts = ([x[at : at + chunk] for x in inputs] for at in range(0, samples, chunk))
        chunks = list(pool.map(lambda part: _simulate_chunk(program, part), parts))
    return tuple(
        np.concatenate(part).reshape(-1, *program.tensors[port.tensor].shape)
        for part, port in zip(zip(*chunks, strict=True), program.outputs, strict=True)
    )


def _threads(program: Program, samples: int) -> int:
    """As many as there are cores, or one where the work does not pay for more."""
    macs = sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps)
    return 1 if macs * samples < LEAST_MACS else min(MAX_THREADS, os.cpu_count() or 1)


def _simulate_chunk(program: Program, inputs: Sequence[Array]) -> list[Array]:
    wanted = {program.storage(port.tensor) for port in program.outputs}
    found = {
        program.storage(step.output): y
        for _, step, y in trace_program(program, inputs)
        if program.storage(step.output) in wanted
    }
    return [found[program.storage(port.tensor)] for port in program.outputs]


def trace_plan(plan: Plan, inputs: Sequence[Array]) -> Iterator[tuple[int, Step, Array]]:
    """Like `trace_program`, but inside the planned memory: every tensor is read and written at its place.

    Tensors that share bytes overwrite each other as they do on the device, so a wrong plan gives wrong
    numbers here too.
    """
    program = plan.program
    memory: dict[tuple[MemoryRegion, int], Array] = {
        (MemoryRegion.ARENA, 0): np.zeros((len(inputs[0]), plan.memory.arena_bytes), np.int8)
    }
    for number, x in enumerate(inputs):
        memory[MemoryRegion.INPUT, number] = np.ascontiguousarray(x, np.int8).reshape(len(x), -1)
    for number, port in enumerate(program.outputs):
        size = program.tensors[port.tensor].size_bytes
        memory[MemoryRegion.OUTPUT, number] = np.zeros((len(inputs[0]), size), np.int8)
    for index in plan.memory.order:
        step = program.steps[index]
        y = _run_step(step, [_load(plan, memory, tensor) for tensor in step.inputs], len(inputs[0]))
        _store(plan, memory, step.output, y)
        _scribble(plan, memory[MemoryRegion.ARENA, 0], index)
        yield index, step, _load(plan, memory, step.output)


def _span(plan: Plan, tensor: int) -> tuple[Place, slice]:
    place = plan.memory.places[plan.program.storage(tensor)]
    assert place is not None
    return place, slice(place.offset, place.offset + plan.program.tensors[tensor].size_bytes)


def _load(plan: Plan, memory: Mapping[tuple[MemoryRegion, int], Array], tensor: int) -> Array:
    place, span = _span(plan, tensor)
    raw = memory[place.region, place.index][:, span]
    shape, dtype = plan.program.tensors[tensor].shape, plan.program.tensors[tensor].quant.dtype
    return raw.copy().view(dtype.numpy).reshape(len(raw), *shape)


def _store(plan: Plan, memory: Mapping[tuple[MemoryRegion, int], Array], tensor: int, value: Array) -> None:
    place, span = _span(plan, tensor)
    raw = np.ascontiguousarray(value).reshape(len(value), -1).view(np.int8)
    memory[place.region, place.index][:, span] = raw


def _scribble(plan: Plan, arena: Array, index: int) -> None:
    """Destroy a step's scratch, as its kernel may."""
    start, size = plan.memory.scratch_offsets[index], plan.calls[index].scratch_bytes
    arena[:, start : start + size] = 0x55
