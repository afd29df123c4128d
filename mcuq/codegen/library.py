"""What a firmware asks of a library that its user brings, for the manifest and for `mcuq build`."""

from __future__ import annotations

from mcuq.ir.integer import Rounding
from mcuq.ir.kernel_set import KernelSet
from mcuq.ir.plan import Plan

# The macro that the library, and what calls it, is compiled with or without.
SINGLE_ROUNDING = "CMSIS_NN_USE_SINGLE_ROUNDING"


def library_document(plan: Plan) -> dict[str, object] | None:
    """The library, how it is to be compiled, and the steps that mcuq computes; None without one."""
    if plan.stored.kernels is KernelSet.OWN:
        return None
    return {
        "name": plan.stored.kernels.library,
        "version": "7",
        "macro": SINGLE_ROUNDING,
        "is_macro_defined": plan.program.rounding is Rounding.SINGLE,
        "steps": library_steps(plan),
        "own": [
            {
                "name": plan.program.steps[index].name,
                "op": plan.program.steps[index].op.kind,
                "kernel": plan.calls[index].kernel,
                "why": _why(plan, index),
            }
            for index in plan.memory.order
            if not plan.calls[index].is_library_call
        ],
        **_measured(plan),
    }


def _measured(plan: Plan) -> dict[str, object]:
    """What the choice between the library and mcuq's kernels goes by, where one was made."""
    times = plan.stored.library_times
    if plan.stored.kernels is not KernelSet.AUTO or times is None:
        return {}
    steps = [
        {"name": plan.program.steps[each.step].name, "own": each.own, "library": each.library}
        for each in times.steps
        if each.step < len(plan.program.steps)
    ]
    run = {"own": times.own_run, "mixed": times.mixed_run}
    return {"measured": {"on": times.target, "unit": times.unit, "run": run, "steps": steps}}


def library_steps(plan: Plan) -> int:
    """How many steps the library computes."""
    return sum(call.is_library_call for call in plan.calls)


def _why(plan: Plan, index: int) -> str:
    """The library's reason, or that mcuq calls nothing of it for such steps."""
    prefix = f"mcuq_{plan.stored.kernels.package}_"
    reasons = [each.reason for each in plan.calls[index].refused if each.kernel.startswith(prefix)]
    return "; ".join(dict.fromkeys(reasons)) or "mcuq calls no function of the library for this operator"
