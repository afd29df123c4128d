"""What strips of a program come to: how many, and how much is computed again."""

from __future__ import annotations

import collections
import dataclasses

from mcuq.ir.program import Program


@dataclasses.dataclass(frozen=True, slots=True)
class StripTotals:
    """Of a program with strips.

    Args:
        layers: how many are computed in more than one step.
        steps: of the program.
        macs: multiply-accumulates.
        macs_once: the same without rows that are computed again.
    """

    layers: int
    steps: int
    macs: int
    macs_once: int

    @property
    def recompute(self) -> float:
        """Multiply-accumulates as a multiple of those that are needed."""
        return self.macs / self.macs_once if self.macs_once else 1.0


def strip_totals(program: Program) -> StripTotals | None:
    """Count the strips of a program; None where it has none."""
    if not program.has_strips:
        return None
    steps: dict[int, int] = collections.Counter()
    macs = once = 0
    seen: set[tuple[int, int, int]] = set()
    for step in program.steps:
        y = program.tensors[step.output]
        count = step.op.macs(y.shape)
        if count == 0 or step.layer is None:
            continue
        steps[step.layer] += 1
        macs += count
        part, row = program.value(step.output), y.size_bytes // max(y.shape[1], 1)
        rows = {(part.value, at, row) for at in range(part.first, part.first + y.size_bytes, row)}
        once += count * len(rows - seen) // len(rows)
        seen |= rows
    layers = sum(count > 1 for count in steps.values())
    return StripTotals(layers, len(program.steps), macs, once)
