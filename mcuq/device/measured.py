"""Cycles that a device measured, by layer."""

from __future__ import annotations

import dataclasses

from mcuq.device.compare import expect
from mcuq.device.log import DeviceLog
from mcuq.errors import McuqError, fail
from mcuq.ir.plan import Plan

EMULATED = "emulator"


@dataclasses.dataclass(frozen=True, slots=True)
class MeasuredCycles:
    """What a log of `--bench` says.

    Args:
        timer: what counted: "dwt", "systick", "mcycle", "mpccr", or "emulator", whose ticks are no cycles.
        cycles: of each step, in the order of execution.
    """

    timer: str
    cycles: tuple[int, ...]

    @property
    def total(self) -> int:
        """Of all steps."""
        return sum(self.cycles)

    def to_json(self) -> dict[str, object]:
        """As `mcuq profile --json` prints it."""
        return {"timer": self.timer, "cycles": self.total, "layers": list(self.cycles)}


def measured_cycles(log: DeviceLog, plan: Plan) -> MeasuredCycles:
    """The cycles in a log, for the steps of a plan; a step's outputs are added up.

    Args:
        log: of a self-test with `--bench`.
        plan: what the firmware was built from.

    Raises:
        McuqError: O022 where the log is of another build, has no cycles of some layer, or is of an emulator.
    """
    expected = expect(plan)
    if (log.build, log.layers) != (expected.build, len(expected.names)):
        raise _unusable(
            log,
            f"it is of another build: the firmware's is {expected.build}, the log's {log.build}",
            "give the log of an image that was made from this firmware folder",
        )
    missing = [name for layer, name in enumerate(expected.names) if layer not in log.cycles]
    if missing:
        why = f"it has no cycles of {len(missing)} of {log.layers} layers, first '{missing[0]}'"
        raise _unusable(log, why, "make the image with --bench or BENCH=1, and record it to 'mcuq-end'")
    if log.timer in (EMULATED, ""):
        why = (
            "its ticks are those of an emulator, which says nothing about cycles" if log.timer else "no timer"
        )
        raise _unusable(log, why, "run the image on the board")
    counts = iter(range(log.layers))
    steps = (plan.program.steps[index] for index in plan.memory.order)
    return MeasuredCycles(
        log.timer, tuple(sum(log.cycles[next(counts)] for _ in step.outputs) for step in steps)
    )


def _unusable(log: DeviceLog, why: str, fix: str) -> McuqError:
    return fail("O022", "the log's cycles cannot be used", where=f"--measured {log.path}", why=why, fix=fix)
