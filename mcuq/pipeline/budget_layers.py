"""Which layers weigh most in what a build needs."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mcuq.ir.plan import Plan
from mcuq.kernels.candidates import find_candidates
from mcuq.kernels.core import core_kernels
from mcuq.kernels.stack import kernel_stacks
from mcuq.memory.lifetimes import arena_sizes, lifetimes
from mcuq.memory.spans import Spans, storage_spans
from mcuq.profile.result import Profile

Resource: TypeAlias = Literal["flash", "RAM", "cycles", "stack"]

_LISTED = 3


def heaviest(plan: Plan, resource: Resource, profile: Profile | None = None) -> list[tuple[str, int]]:
    """The layers that need most of something, those first, with how much that is.

    Of flash these are bytes of constants; of RAM bytes of arena that are in use while the layer runs; of
    stack those of its kernel, the largest that were measured on the core.

    Args:
        plan: of the build.
        resource: of what.
        profile: where cycles or instructions were counted, else they are modelled.
    """
    match resource:
        case "flash":
            found = _constants(plan)
        case "RAM":
            found = _alive(plan)
        case "cycles":
            found = _modelled_cycles(plan) if profile is None else _measured_cycles(profile)
        case "stack":
            found = _stack(plan)
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    return [(name, amount) for name, amount in ranked[:_LISTED] if amount > 0]


def _constants(plan: Plan) -> dict[str, int]:
    found: dict[str, int] = {}
    counted: set[int] = set()
    for step, call in zip(plan.program.steps, plan.calls, strict=True):
        own = [array for array in call.arrays if id(array) not in counted]
        counted |= set(map(id, own))
        found[step.name] = found.get(step.name, 0) + sum(array.values.nbytes for array in own)
    return found


def _alive(plan: Plan) -> dict[str, int]:
    """Tensors that are alive, and scratch; of those that lie over each other the bytes that are taken."""
    program, memory = plan.program, plan.memory
    spans, size = _spans(plan), arena_sizes(program)
    found: dict[str, int] = {}
    for position, index in enumerate(memory.order):
        taken = [
            (place.offset, place.offset + size[storage])
            for storage, held in spans.items()
            if storage in size
            and any(first <= position <= last for first, last in held)
            and (place := memory.places[storage]) is not None
        ]
        scratch = plan.calls[index].scratch_bytes
        taken.append((memory.scratch_offsets[index], memory.scratch_offsets[index] + scratch))
        name = program.steps[index].name
        found[name] = max(found.get(name, 0), _covered(taken))
    return found


def _spans(plan: Plan) -> dict[int, Spans]:
    """When each storage holds something; with strips, memory is written in parts and again."""
    if plan.program.has_strips:
        return storage_spans(plan.program)
    found = lifetimes(plan.program, plan.memory.order)
    return {storage: ((each.first, each.last),) for storage, each in found.items()}


def _covered(taken: list[tuple[int, int]]) -> int:
    """Bytes in any of some ranges.

    >>> _covered([(0, 4), (2, 6), (8, 9)])
    7
    """
    total = end = 0
    for begin, stop in sorted(taken):
        total += max(0, stop - max(begin, end))
        end = max(end, stop)
    return total


def _measured_cycles(profile: Profile) -> dict[str, int]:
    found: dict[str, int] = {}
    for layer in profile.layers:
        found[layer.name] = found.get(layer.name, 0) + layer.time
    return found


def _modelled_cycles(plan: Plan) -> dict[str, int]:
    target = plan.resolved
    candidates = find_candidates(plan.program, core_kernels(target.core), target.name, target.flash_mode)
    found: dict[str, int] = {}
    for members, each in zip(candidates.members, candidates.steps, strict=True):
        kernel = plan.calls[members[0]].kernel
        name = plan.program.steps[members[0]].name
        time = next((one.time for one in each if one.call.kernel == kernel), None)
        found[name] = found.get(name, 0) + (time or 0)
    return found


def _stack(plan: Plan) -> dict[str, int]:
    known = kernel_stacks(plan.resolved.core.name)
    found: dict[str, int] = {}
    for step, call in zip(plan.program.steps, plan.calls, strict=True):
        kernel = known.get(call.kernel)
        own = 0 if kernel is None else max(kernel.inlined, kernel.deepest, kernel.unoptimized)
        found[step.name] = max(found.get(step.name, 0), own)
    return found
