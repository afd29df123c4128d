"""The kernels that accept each step of a program, and what they cost: what there is to choose from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from mcuq.errors import McuqError, Problem
from mcuq.flash_modes import FlashMode
from mcuq.ir.kernel_set import NOT_MEASURED, KernelSet
from mcuq.ir.plan import CArray, KernelCall, KernelRefusal, KernelWalk, constant_bytes
from mcuq.ir.program import Optimize, Program, Step
from mcuq.ir.types import DType
from mcuq.kernels.core import CoreKernels
from mcuq.kernels.costs import CodeSizes, CoreCosts
from mcuq.kernels.stalls import call_stalls
from mcuq.kernels.variant import AnyVariant, StepShapes, VariantType, for_step

Choice: TypeAlias = tuple[int, ...]  # per step the index of a candidate


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A variant that accepts a step.

    Args:
        call: the step with this variant.
        files: that it brings along, see `CoreCosts.kernel_files`.
        time: modelled, in the unit of `CoreCosts`; None where it was not measured on the core.
        time_bound: the same to compare choices by, see `rank_candidates`.
        rank: its place where time does not decide, likewise.
        strips: of a layer in strips the call of each, with arrays in common; `call` is one with most scratch.
    """

    call: KernelCall
    files: tuple[str, ...]
    time: int | None
    time_bound: int = 0
    rank: int = 0
    strips: tuple[KernelCall, ...] = ()

    @property
    def constant_bytes(self) -> int:
        """Of its constant arrays."""
        return constant_bytes(self.strips or (self.call,))


def rank_candidates(declared: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Give a step's candidates their ranks: the declared order, but one rank for all that were measured.

    Those decide among themselves by time. One that was not measured goes before them if it is declared before
    all of them, otherwise behind, and counts as much as the slowest that was measured: it gains nothing by
    not having been measured.

    Args:
        declared: in the declared order.
    """
    first = next((index for index, one in enumerate(declared) if one.time is not None), len(declared))
    most = max((one.time for one in declared if one.time is not None), default=0)
    return tuple(
        dataclasses.replace(one, rank=index, time_bound=most)
        if one.time is None
        else dataclasses.replace(one, rank=first, time_bound=one.time)
        for index, one in enumerate(declared)
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Everything that could compute a program.

    Args:
        steps: per step, or layer in strips, the candidates, at least one, those to prefer first.
        refused: per step or layer, why the other variants do not accept it.
        constants_limit: bytes of constants that `balanced` and `size` keep to.
        costs: what was measured on the core.
        members: per entry of `steps` the program's steps that it is.
    """

    steps: tuple[tuple[Candidate, ...], ...]
    refused: tuple[tuple[KernelRefusal, ...], ...]
    constants_limit: int
    costs: CoreCosts
    members: tuple[tuple[int, ...], ...]

    def chosen(self, choice: Choice) -> list[Candidate]:
        """Per step."""
        return [each[index] for each, index in zip(self.steps, choice, strict=True)]

    def scratch(self, choice: Choice) -> list[int]:
        """Bytes of scratch per step of the program."""
        return [call.scratch_bytes for call in self._chosen_calls(choice)]

    def walks(self, choice: Choice) -> list[tuple[KernelWalk, ...]]:
        """What the output of each step of the program may lie over."""
        return [call.walks for call in self._chosen_calls(choice)]

    def _chosen_calls(self, choice: Choice) -> tuple[KernelCall, ...]:
        """Per step of the program."""
        return self._by_step(one.strips or (one.call,) for one in self.chosen(choice))

    def _by_step(self, calls: Iterable[Sequence[KernelCall]]) -> tuple[KernelCall, ...]:
        """Those of all steps of the program, from those of each entry."""
        found = {
            step: call
            for members, each in zip(self.members, calls, strict=True)
            for step, call in zip(members, each, strict=True)
        }
        return tuple(found[step] for step in range(len(found)))

    def calls(self, choice: Choice, optimize: Optimize) -> tuple[KernelCall, ...]:
        """The chosen calls, with the reasons against all other variants.

        Args:
            choice: which.
            optimize: how the code will be compiled.
        """
        code, chosen = self.costs.code_sizes(optimize), self.chosen(choice)
        used = {file for one in chosen for file in one.files}
        found = []
        for each, best, refused in zip(self.steps, chosen, self.refused, strict=True):
            others = (self._reason(one, best, used, code) for one in each if one is not best)
            reasons = (*refused, *others)
            calls = {
                id(call): dataclasses.replace(call, refused=reasons) for call in best.strips or (best.call,)
            }
            found.append([calls[id(call)] for call in best.strips or (best.call,)])
        return self._by_step(found)

    def _reason(self, one: Candidate, chosen: Candidate, used: set[str], code: CodeSizes) -> KernelRefusal:
        """Why a candidate was not chosen: what it is known to cost more in this network."""
        more = code.known(set(one.files) - used)
        constants = one.constant_bytes - chosen.constant_bytes
        differences = {
            self.costs.unit: 0 if one.time is None or chosen.time is None else one.time - chosen.time,
            "bytes of constants": constants if more is None else 0,
            "bytes of flash": 0 if more is None else constants + more,
            "bytes of scratch": one.call.scratch_bytes - chosen.call.scratch_bytes,
        }
        found = [f"about {count:,} {what} more" for what, count in differences.items() if count > 0]
        about = " and ".join(found)
        if one.time is not None and chosen.time is not None:
            return KernelRefusal(one.call.kernel, f"costs {about}" if about else "costs as much")
        missing = next(each.call.kernel for each in (one, chosen) if each.time is None)
        order = "follows" if one.rank > chosen.rank else "precedes"
        why = f"{order} {chosen.call.kernel} in the order of kernels; "
        why += f"{missing} was not measured on {self.costs.core}"
        return KernelRefusal(one.call.kernel, f"{why}; costs {about}" if about else why)


def find_candidates(
    program: Program, kernels: CoreKernels, target: str, mode: FlashMode | None = None
) -> Candidates:
    """All variants that accept each step of a program, with the reasons of those that do not.

    Args:
        program: what to compute.
        kernels: of the core.
        target: its name, or its board's, for messages.
        mode: how the core sees the flash; None for zero wait states.

    Raises:
        McuqError: T004 for every step that no variant accepts.
    """
    members = _members(program)
    found = [_layer_candidates(kernels, program, steps, mode) for steps in members]
    problems = [
        _no_kernel(steps[0], program.steps[steps[0]], refused, target)
        for steps, (accepted, refused) in zip(members, found, strict=True)
        if not accepted
    ]
    if problems:
        raise McuqError(problems)
    accepted = tuple(accepted for accepted, _ in found)
    refused = tuple(refused for _, refused in found)
    firsts = [program.steps[steps[0]] for steps in members]
    return Candidates(accepted, refused, _constants_limit(program, firsts, accepted), kernels.costs, members)


def _members(program: Program) -> tuple[tuple[int, ...], ...]:
    """The steps that are computed by the same kernel: strips of a layer, and moves of their rows."""
    found: dict[tuple[object, ...], list[int]] = {}
    for number, step in enumerate(program.steps):
        key = (number,) if step.layer is None else (step.layer, step.op.kind)
        found.setdefault(key, []).append(number)
    return tuple(map(tuple, found.values()))


Found: TypeAlias = tuple[tuple[Candidate, ...], tuple[KernelRefusal, ...]]


def _layer_candidates(
    kernels: CoreKernels, program: Program, steps: Sequence[int], mode: FlashMode | None
) -> Found:
    """The variants that accept all strips of a layer."""
    known: dict[tuple[object, ...], Found] = {}
    found = []
    for index in steps:
        step = program.steps[index]
        key = (id(step.op), StepShapes.of_step(program, step))
        if key not in known:
            known[key] = _step_candidates(kernels, program, index, mode)
        found.append(known[key])
    if len(steps) == 1:
        return found[0]
    refused = {each.kernel: each for _, each_refused in found for each in each_refused}
    each_accepted = [{one.call.kernel: one for one in accepted} for accepted, _ in found]
    names = [name for name in each_accepted[0] if all(name in each for each in each_accepted)]
    joined = [_joined([each[name] for each in each_accepted]) for name in names]
    return rank_candidates(joined), tuple(refused.values())


def _joined(strips: Sequence[Candidate]) -> Candidate:
    """A kernel for all strips of a layer: constants that are equal are the same."""
    arrays: dict[tuple[object, ...], CArray] = {}
    calls: dict[int, KernelCall] = {}
    for call in (one.call for one in strips):
        if id(call) not in calls:
            shared = tuple(
                arrays.setdefault((each.field, each.values.dtype.name, each.values.tobytes()), each)
                for each in call.arrays
            )
            calls[id(call)] = dataclasses.replace(call, arrays=shared)
    times = [one.time for one in strips]
    most = max(strips, key=lambda one: one.call.scratch_bytes)
    return Candidate(
        calls[id(most.call)],
        most.files,
        None if None in times else sum(time for time in times if time is not None),
        strips=tuple(calls[id(one.call)] for one in strips),
    )


def _step_candidates(kernels: CoreKernels, program: Program, index: int, mode: FlashMode | None) -> Found:
    """Those of a library if it has any that are wanted, otherwise ours, with the library's reasons."""
    step = program.steps[index]
    found, refused = _accepted(kernels, kernels.library, program, step, mode)
    slower = _library_refusal(program, index)
    if found and slower is None:
        return found, refused
    if slower is not None:
        refused = (*refused, *(KernelRefusal(one.call.kernel, slower) for one in found))
    ours, reasons = _accepted(kernels, kernels.variants, program, step, mode)
    return ours, (*refused, *reasons)


def _library_refusal(program: Program, index: int) -> str | None:
    """Why a step that a library computes as well is ours; None where it is the library's."""
    if program.kernels is not KernelSet.AUTO:
        return None
    times = program.library_times
    return NOT_MEASURED if times is None else times.reason(index)


def _accepted(
    kernels: CoreKernels,
    variants: Sequence[VariantType],
    program: Program,
    step: Step,
    mode: FlashMode | None,
) -> Found:
    shapes = StepShapes.of_step(program, step)
    costs = kernels.costs
    accepted: list[Candidate] = []
    refused: list[KernelRefusal] = []
    others: list[KernelRefusal] = []
    # A library has several variants of one kernel, for several cores.
    here = {each.kernel for each in variants if kernels.missing(each) is None}
    for variant in for_step(variants, step.op, shapes):
        if variant.kernel in here and kernels.missing(type(variant)):
            continue
        other = variant.refuse_types()
        if other is not None:
            others.append(KernelRefusal(variant.kernel, other))
            continue
        reason = kernels.missing(type(variant)) or variant.refuse()
        if reason is None:
            accepted.append(_candidate(variant, costs, mode))
        else:
            refused.append(KernelRefusal(variant.kernel, reason))
    # Kernels for other element types are no choice: they matter where nothing else is left to name.
    return rank_candidates(accepted), tuple(refused if accepted else [*refused, *others])


def _candidate(variant: AnyVariant, costs: CoreCosts, mode: FlashMode | None) -> Candidate:
    """A variant with its time, whose arrays know how often they are read."""
    call, passes = variant.call(), variant.passes()
    arrays = (dataclasses.replace(each, passes=passes.get(each.field, 1)) for each in call.arrays)
    call = dataclasses.replace(call, arrays=tuple(arrays))
    files = costs.kernel_files(variant.kernel)
    time = costs.time(variant.kernel, variant.terms())
    if time is not None and mode is not None and costs.unit == "cycles":
        code = costs.code_sizes(Optimize.BALANCED).bound(files)
        time += call_stalls(mode, call, code, variant.rounds())
    return Candidate(call, files, time)


def _no_kernel(index: int, step: Step, refused: Sequence[KernelRefusal], target: str) -> Problem:
    why = "; ".join(f"{r.kernel}: {r.reason}" for r in refused) or "it has none for this operator"
    where = f"step {index} {step.name!r} ({step.op.kind})"
    fix = "choose another target, or change the layer"
    return Problem("T004", f"no kernel of {target} accepts a step", where, why, fix)


def _constants_limit(
    program: Program, steps: Sequence[Step], candidates: Sequence[Sequence[Candidate]]
) -> int:
    """1.1 times the int8 weights, 12 bytes per channel, and what steps without weights have to store.

    Sums that become int16, or that int16 adds up to, need four bytes more. Weights of four bits that the
    kernel to prefer stores in bytes may take a byte each: those behind it that pack them are many times
    slower.
    """
    limit = 0
    for step, each in zip(steps, candidates, strict=True):
        weights = step.op.weight_bytes()
        if weights:
            types = {program.tensors[tensor].quant.dtype for tensor in (*step.inputs, *step.outputs)}
            per_channel = 16 if DType.INT16 in types else 12
            channels = per_channel * program.tensors[step.output].shape[-1]
            bound = 11 * weights // 10 + channels
            is_narrow = DType.INT4 in step.op.constant_types()
            if is_narrow and each[0].constant_bytes > bound:
                bound = 11 * 2 * weights // 10 + channels
            limit += bound
        else:
            limit += min(one.constant_bytes for one in each)
    return limit
