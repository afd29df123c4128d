"""Which memory of a board the constants of each step lie in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcuq.errors import Problem
from mcuq.ir.plan import KernelCall, KernelCosts, Plan
from mcuq.targets import Target

# Members of parameter structs are at most eight bytes; arrays are aligned to words, in a section to eight.
_MEMBER_BYTES, _ALIGNMENT = 8, 8


def constant_groups(calls: Sequence[KernelCall]) -> list[list[int]]:
    """The steps whose constants are the same arrays, as of strips of a layer: they lie together."""
    groups: list[list[int]] = []
    home: dict[int, int] = {}
    for index, call in enumerate(calls):
        known = [home[id(array)] for array in call.arrays if id(array) in home]
        group = known[0] if known else len(groups)
        if group == len(groups):
            groups.append([])
        groups[group].append(index)
        home |= {id(array): group for array in call.arrays}
    return groups


def group_bytes(calls: Sequence[KernelCall], group: Sequence[int]) -> int:
    """Bytes that the constants of some steps take at most, with parameters and what aligns them."""
    arrays = {id(array): array for index in group for array in calls[index].arrays}
    members = sum(len(calls[index].fields) + len(calls[index].arrays) for index in group)
    padding = _ALIGNMENT * (len(arrays) + len(group))
    return sum(array.values.nbytes for array in arrays.values()) + _MEMBER_BYTES * members + padding


def place_constants(
    calls: Sequence[KernelCall], arena_bytes: int, costs: KernelCosts, target: Target
) -> tuple[str, ...]:
    """Per step the memory that its constants lie in; nothing where they are not placed.

    Memories are filled in turn, with what a run reads most often for each of its bytes first; the last takes
    what is left, also where there is no room for it.

    Args:
        calls: of all steps.
        arena_bytes: of the arena.
        costs: of the kernels.
        target: with its placement.
    """
    placing = target.placing
    if placing is None or not placing.weights:
        return ()
    taken = _besides_constants(arena_bytes, costs, target)
    left = {each.name: each.range.bytes - taken.get(each.name, 0) for each in placing.weights}
    last = placing.weights[-1].name
    groups = constant_groups(calls)
    ranked = sorted(range(len(groups)), key=lambda number: (-_density(calls, groups[number]), number))
    homes: dict[int, str] = {}
    for number in ranked:
        size = group_bytes(calls, groups[number])
        home = next((name for name, room in left.items() if size <= room), last)
        left[home] -= size
        homes |= dict.fromkeys(groups[number], home)
    return tuple(homes[index] for index in range(len(calls)))


def _besides_constants(arena_bytes: int, costs: KernelCosts | None, target: Target) -> dict[str, int]:
    """Bytes of arena and kernels by memory, where they are placed; code is modelled, or left out."""
    placing, found = target.placing, dict[str, int]()
    code_bytes = 0 if costs is None else costs.code_bytes or 0
    if placing is not None:
        for memory, size in ((placing.arena, arena_bytes), (placing.kernels, code_bytes)):
            if memory is not None:
                found[memory.name] = found.get(memory.name, 0) + size
    return found


def placed_bytes(plan: Plan) -> dict[str, int]:
    """Bytes at most of all that is placed, by memory; of code what the cost model of kernels says."""
    found = _besides_constants(plan.memory.arena_bytes, plan.costs, plan.resolved)
    for group in constant_groups(plan.calls) if plan.constants else ():
        home = plan.constants[group[0]]
        found[home] = found.get(home, 0) + group_bytes(plan.calls, group)
    return found


def placement_problems(plan: Plan) -> Iterator[Problem]:
    """T001 for each memory that is too small for what is placed there.

    Flash and RAM of the board are counted elsewhere, with all else that is in them.
    """
    target = plan.resolved
    board, placing = target.board, target.placing
    if board is None or placing is None:
        return
    for name, needed in placed_bytes(plan).items():
        memory = board.memory(name)
        assert memory is not None, name
        if needed > memory.range.bytes and memory not in (board.flash, board.ram):
            yield Problem(
                "T001",
                f"what is placed in '{name}' of '{target.name}' does not fit",
                f"--place {placing.text}",
                f"it needs {needed:_} bytes, {memory.range.bytes:_} are available",
                f"place less there, or let constants that find no room go elsewhere: weights={name}+flash",
            )


def placement_document(plan: Plan) -> dict[str, object] | None:
    """What lies where, for the manifest: bytes by memory, and the memory of each step's constants."""
    if plan.place is None:
        return None
    steps = [(plan.program.steps[index].name, index) for index in plan.memory.order]
    homes = [{"step": name, "memory": plan.constants[index]} for name, index in steps if plan.constants]
    return {"bytes": placed_bytes(plan), "constants": homes}


def _density(calls: Sequence[KernelCall], group: Sequence[int]) -> float:
    """How often a run reads each byte, in the mean."""
    arrays = [array for index in group for array in calls[index].arrays]
    size = sum({id(array): array.values.nbytes for array in arrays}.values())
    return sum(array.values.nbytes * array.passes for array in arrays) / max(size, 1)
