"""What elimination dropped, for the manifest and for `mcuq build`."""

from __future__ import annotations

from mcuq.ir.channels import channel_count
from mcuq.ir.plan import DroppedChannels, DropReason, Plan


def dropped_document(plan: Plan) -> dict[str, object] | None:
    """Totals, and per step what went and why; None where channels were not looked at."""
    if plan.stored.keeps_channels:
        return None
    return {**dropped_totals(plan), "steps": [_step(plan, each) for each in plan.dropped]}


def dropped_totals(plan: Plan) -> dict[str, int]:
    """Output channels of all steps, how many of them went, and what that saved."""
    whole = plan.stored
    return {
        "channels": sum(channel_count(whole.tensors[step.output].shape) for step in whole.steps),
        "dropped": sum(each.count for each in plan.dropped),
        "macs": sum(each.macs for each in plan.dropped),
        "weight_bytes": sum(each.weight_bytes for each in plan.dropped),
    }


def _step(plan: Plan, dropped: DroppedChannels) -> dict[str, object]:
    step = plan.stored.steps[dropped.step]
    return {
        "name": step.name,
        "op": step.op.kind,
        "channels": dropped.total,
        "dropped": [_reason(each) for each in dropped.reasons],
        "macs": dropped.macs,
        "weight_bytes": dropped.weight_bytes,
    }


def _reason(reason: DropReason) -> dict[str, object]:
    code = {} if reason.code is None else {"code": reason.code}
    return {"reason": reason.reason, **code, "channels": list(reason.channels)}
