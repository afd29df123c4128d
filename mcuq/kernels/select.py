"""Choose a kernel variant for every step of a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from mcuq.errors import McuqError, Problem
from mcuq.ir.plan import KernelCall, Refusal
from mcuq.ir.program import Program, StepOp
from mcuq.kernels.armv7em import ARMV7EM
from mcuq.kernels.portable import PORTABLE
from mcuq.kernels.variant import AnyVariant, Site

# Variants by instruction set; a target tries its own first, then its parents'.
VARIANTS: Mapping[str, tuple[AnyVariant, ...]] = {"armv7em": ARMV7EM, "portable": PORTABLE}


def select_kernels(program: Program, isa: Sequence[str], target: str) -> tuple[KernelCall, ...]:
    """The first variant that accepts each step, with the reasons of those that did not.

    Args:
        program: what to compute.
        isa: the target's instruction sets, most specific first.
        target: its name, for messages.

    Raises:
        McuqError: T004 for every step that no variant accepts.
    """
    variants = [variant for name in isa for variant in VARIANTS.get(name, ())]
    calls: list[KernelCall] = []
    problems: list[Problem] = []
    for index, step in enumerate(program.steps):
        site = Site(tuple(program.tensors[t].shape for t in step.inputs), program.tensors[step.output].shape)
        refused: list[Refusal] = []
        call = _first(variants, step.op, site, refused)
        if call is None:
            why = "; ".join(f"{r.kernel}: {r.reason}" for r in refused) or "it has none for this operator"
            where = f"step {index} {step.name!r} ({step.op.kind})"
            fix = "choose another target, or change the layer"
            problems.append(Problem("T004", f"no kernel of {target} accepts a step", where, why, fix))
            continue
        calls.append(dataclasses.replace(call, refused=tuple(refused)))
    if problems:
        raise McuqError(problems)
    return tuple(calls)


def _first(
    variants: Sequence[AnyVariant], op: StepOp, site: Site, refused: list[Refusal]
) -> KernelCall | None:
    for variant in variants:
        if type(op) is not variant.step_op:
            continue
        reason = variant.refuse(op, site)
        if reason is None:
            return variant.call(op, site)
        refused.append(Refusal(variant.kernel, reason))
    return None
