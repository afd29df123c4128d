"""Choose a kernel variant for every step of a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.errors import McuqError, Problem
from mcuq.ir.plan import KernelCall, KernelRefusal
from mcuq.ir.program import Optimize, Program, Step
from mcuq.kernels.choose import (
    Candidate,
    Choice,
    Compiled,
    Key,
    Total,
    choose,
    rank_candidates,
    total,
)
from mcuq.kernels.costs import CoreCosts, load_costs
from mcuq.kernels.registry import isa_variants
from mcuq.kernels.variant import StepShapes, VariantType, for_step
from mcuq.options import SIZE_RATE

# The most code of kernels, but for `speed`.
MAX_CODE_BYTES = 24_000


@dataclasses.dataclass(frozen=True)
class Options:
    """All candidates of a program, before one is chosen.

    Args:
        candidates: per step, those that accept it, at least one.
        refused: per step, why the others do not.
        constants_limit: bytes of constants that `balanced` and `size` keep to.
        costs: what was measured on the core.
        flash_bytes: the target's flash, None without a limit.
    """

    candidates: tuple[tuple[Candidate, ...], ...]
    refused: tuple[tuple[KernelRefusal, ...], ...]
    constants_limit: int
    costs: CoreCosts
    flash_bytes: int | None = None

    def choose(self, optimize: Optimize, scratch_limit: int | None = None) -> Choice:
        """The best choice.

        Args:
            optimize: what for.
            scratch_limit: bytes of scratch that no step exceeds if it has a candidate that does not.
        """
        kept = [_within(each, scratch_limit) for each in self.candidates]
        few = [
            [each[index] for index in numbers] for each, numbers in zip(self.candidates, kept, strict=True)
        ]
        compiled = Compiled(self.costs, optimize)
        found = choose(few, compiled, lambda cost: self._key(optimize, cost), is_fastest_best=True)
        if optimize is Optimize.SIZE:
            key = self._size_key(total(few, found, compiled))
            found = choose(few, compiled, key, is_fastest_best=False)
        return tuple(numbers[index] for numbers, index in zip(kept, found, strict=True))

    def _key(self, optimize: Optimize, cost: Total) -> tuple[int, ...]:
        """Least cycles within the limits."""
        excess = 0 if self.flash_bytes is None else max(cost.flash_bytes - self.flash_bytes, 0)
        if optimize is not Optimize.SPEED:
            excess += max(cost.code_bound - MAX_CODE_BYTES, 0)
            excess += max(cost.constant_bytes - self.constants_limit, 0)
        return excess, cost.rank, cost.cycles, cost.flash_bytes

    def _size_key(self, fastest: Total) -> Key:
        """Percents of cycles, and percents of flash at their rate, in a common unit."""

        def key(cost: Total) -> tuple[int, ...]:
            excess, rank, *_ = self._key(Optimize.SIZE, cost)
            price = cost.cycles * fastest.flash_bytes + SIZE_RATE * cost.flash_bytes * fastest.cycles
            return excess, rank, price, cost.flash_bytes

        return key

    def total(self, choice: Choice, optimize: Optimize) -> Total:
        """What a choice costs."""
        return total(self.candidates, choice, Compiled(self.costs, optimize))

    def scratch(self, choice: Choice) -> list[int]:
        """Bytes of scratch per step."""
        chosen = zip(self.candidates, choice, strict=True)
        return [each[index].call.scratch_bytes for each, index in chosen]

    def calls(self, choice: Choice, optimize: Optimize) -> tuple[KernelCall, ...]:
        """The chosen calls, with the reasons against all other variants."""
        compiled = Compiled(self.costs, optimize)
        chosen = [each[index] for each, index in zip(self.candidates, choice, strict=True)]
        used = compiled.files(one.call.kernel for one in chosen)
        return tuple(
            dataclasses.replace(
                best.call,
                refused=(*refused, *(_reason(one, best, used, compiled) for one in each if one is not best)),
            )
            for each, best, refused in zip(self.candidates, chosen, self.refused, strict=True)
        )


def _within(each: Sequence[Candidate], limit: int | None) -> list[int]:
    """Which candidates keep to a limit of scratch, or else those with the least."""
    least = min(one.call.scratch_bytes for one in each)
    bound = max(least, limit) if limit is not None else max(one.call.scratch_bytes for one in each)
    return [index for index, one in enumerate(each) if one.call.scratch_bytes <= bound]


def _reason(one: Candidate, chosen: Candidate, used: set[str], compiled: Compiled) -> KernelRefusal:
    """Why a candidate was not chosen: what it is known to cost more in this network."""
    costs = compiled.costs
    more = costs.code_bytes(compiled.files([one.call.kernel]) - used, compiled.optimize)
    constants = one.constant_bytes - chosen.constant_bytes
    differences = {
        "cycles": 0 if one.cycles is None or chosen.cycles is None else one.cycles - chosen.cycles,
        "bytes of constants": constants if more is None else 0,
        "bytes of flash": 0 if more is None else constants + more,
        "bytes of scratch": one.call.scratch_bytes - chosen.call.scratch_bytes,
    }
    about = " and ".join(f"about {count:,} {what} more" for what, count in differences.items() if count > 0)
    if one.cycles is not None and chosen.cycles is not None:
        return KernelRefusal(one.call.kernel, f"costs {about}" if about else "costs as much")
    missing = next(each.call.kernel for each in (one, chosen) if each.cycles is None)
    order = "follows" if one.rank > chosen.rank else "precedes"
    why = f"{order} {chosen.call.kernel} in the order of kernels; {missing} was not measured on {costs.core}"
    return KernelRefusal(one.call.kernel, f"{why}; costs {about}" if about else why)


def kernel_options(
    program: Program,
    isa: Sequence[str],
    target: str,
    flash_bytes: int | None = None,
    *,
    core: str | None = None,
) -> Options:
    """All variants that accept each step of a program, with the reasons of those that do not.

    Args:
        program: what to compute.
        isa: the target's instruction sets, most specific first.
        target: its name, for messages.
        flash_bytes: its flash, None without a limit.
        core: whose costs count; by default the target's name is a core's.

    Raises:
        McuqError: T004 for every step that no variant accepts.
    """
    variants = [variant for name in isa for variant in isa_variants(name)]
    costs = load_costs(target if core is None else core)
    found = [_candidates(variants, costs, program, step) for step in program.steps]
    problems = [
        _no_kernel(index, step, refused, target)
        for index, (step, (candidates, refused)) in enumerate(zip(program.steps, found, strict=True))
        if not candidates
    ]
    if problems:
        raise McuqError(problems)
    candidates = tuple(candidates for candidates, _ in found)
    refused = tuple(refused for _, refused in found)
    return Options(candidates, refused, _constants_limit(program, candidates), costs, flash_bytes)


def _candidates(
    variants: Sequence[VariantType], costs: CoreCosts, program: Program, step: Step
) -> tuple[tuple[Candidate, ...], tuple[KernelRefusal, ...]]:
    shapes = StepShapes.of_step(program, step)
    candidates: list[Candidate] = []
    refused: list[KernelRefusal] = []
    for variant in for_step(variants, step.op, shapes):
        reason = variant.refusal()
        if reason is None:
            candidates.append(Candidate(variant.call(), costs.cycles(variant.kernel, variant.terms())))
        else:
            refused.append(KernelRefusal(variant.kernel, reason))
    return rank_candidates(candidates), tuple(refused)


def _no_kernel(index: int, step: Step, refused: Sequence[KernelRefusal], target: str) -> Problem:
    why = "; ".join(f"{r.kernel}: {r.reason}" for r in refused) or "it has none for this operator"
    where = f"step {index} {step.name!r} ({step.op.kind})"
    fix = "choose another target, or change the layer"
    return Problem("T004", f"no kernel of {target} accepts a step", where, why, fix)


def _constants_limit(program: Program, candidates: Sequence[Sequence[Candidate]]) -> int:
    """1.1 times the int8 weights and 12 bytes per channel, and what steps without weights have to store."""
    limit = 0
    for step, each in zip(program.steps, candidates, strict=True):
        weights = step.op.weight_bytes()
        if weights:
            limit += 11 * weights // 10 + 12 * program.tensors[step.output].shape[-1]
        else:
            limit += min(one.constant_bytes for one in each)
    return limit


def select_kernels(program: Program, isa: Sequence[str], target: str) -> tuple[KernelCall, ...]:
    """The kernels of a program on a core, as it wants them optimized.

    Args:
        program: what to compute.
        isa: the target's instruction sets, most specific first.
        target: its name, for messages.

    Raises:
        McuqError: T004 for every step that no variant accepts.
    """
    options = kernel_options(program, isa, target)
    return options.calls(options.choose(program.optimize), program.optimize)
