"""What would make a build need less: other options, planned as a build plans them, named where they help."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping

from mcuq.codegen.manifest import sizes
from mcuq.codegen.model_view import model_view
from mcuq.errors import McuqError
from mcuq.ir.plan import Plan
from mcuq.ir.program import Optimize, Program
from mcuq.pipeline.budget_layers import Resource
from mcuq.pipeline.planning import plan_program
from mcuq.profile.cycles import load_cycle_model
from mcuq.targets import Target


@dataclasses.dataclass(frozen=True, slots=True)
class _Change:
    """Options that a build could have had.

    Args:
        options: on the command line.
        program: the program with them.
        target: in the mode of its flash that they name.
    """

    options: str
    program: Program
    target: Target


class Advisor:
    """Tries other options for a program, each at most once."""

    def __init__(self, plan: Plan, target: Target, narrowed: frozenset[str] | None) -> None:
        """Nothing is tried before it is asked for.

        Args:
            plan: what was built.
            target: for what.
            narrowed: as of `check_budget`.
        """
        self._plan = plan
        self._target = target
        self._narrowed = narrowed
        self._tried: dict[str, Mapping[Resource, int | None] | None] = {}

    def advice(self, resource: Resource, needed: int, limit: int, otherwise: str) -> str:
        """What helps, with what the build would need then; what is not enough alone says so.

        Args:
            resource: what there is too little of.
            needed: of it.
            limit: of it.
            otherwise: what the user can do in any case.
        """
        found: list[tuple[int, str, str]] = []
        before = _modelled(self._plan)[resource]
        for change in self._changes(resource):
            after = self._modelled(change)
            amount = None if after is None else after[resource]
            # Less than a percent is within what the model is off.
            if before is None or amount is None or amount >= before - before // 100:
                continue
            # What was measured differs from the model, by as much before as after.
            expected = needed - (before - amount)
            enough = "" if expected <= limit else ", which is not enough alone"
            # Several options are named where they are better than some of them.
            if all(expected < best for best, options, _ in found if options in change.options):
                found.append((expected, change.options, f": about {expected:_}{enough}"))
        texts = [options + text for _, options, text in sorted(found)]
        texts += self._narrower(needed, limit) if resource == "flash" else []
        texts += self._search(resource, limit)
        return "; ".join([*texts, otherwise])

    def _changes(self, resource: Resource) -> Iterator[_Change]:
        """Options that the build has not and that may help."""
        whole = self._plan.stored
        aims: Mapping[Resource, tuple[Optimize, ...]] = {
            "flash": (Optimize.SIZE,),
            "RAM": (Optimize.RAM,),
            "cycles": (Optimize.SPEED,),
            "stack": tuple(Optimize),
        }
        change = functools.partial(dataclasses.replace, whole)
        for aim in aims[resource]:
            if aim is not whole.optimize:
                yield _Change(f"--optimize {aim.value}", change(optimize=aim), self._target)
        if resource == "RAM" and not whole.consumes_inputs:
            yield _Change("--consume-input", change(consumes_inputs=True), self._target)
            if whole.optimize is not Optimize.RAM:
                both = change(consumes_inputs=True, optimize=Optimize.RAM)
                yield _Change("--optimize ram --consume-input", both, self._target)
        board = self._target.board
        if resource == "cycles" and board is not None:
            for mode in board.flash_modes:
                if mode.name != self._target.flash_name:
                    yield _Change(f"--flash {mode.name}", whole, self._target.in_mode(mode.name))

    def _modelled(self, change: _Change) -> Mapping[Resource, int | None] | None:
        if change.options not in self._tried:
            try:
                plan = plan_program(change.program, change.target, is_checked=False)
                self._tried[change.options] = _modelled(plan)
            except McuqError:
                self._tried[change.options] = None
        return self._tried[change.options]

    def _narrower(self, needed: int, limit: int) -> list[str]:
        """Weights of four bits, where there are layers that `--weight-bits 4` would give them."""
        narrowed = self._narrowed or frozenset()
        # A layer that is computed in strips is several steps with the same weights.
        sizes = {
            each.name: each.op.weight_bytes() for each in self._plan.program.steps if each.name in narrowed
        }
        saved = sum(sizes.values()) // 2
        if not saved:
            return []
        enough = "" if needed - saved <= limit else ", which is not enough alone"
        return [f"--weight-bits 4: about {needed - saved:_}{enough}, and less accurate"]

    def _search(self, resource: Resource, limit: int) -> list[str]:
        """`mcuq tune`, which looks for widths of single layers."""
        # A search knows of cycles only where these have a model.
        is_counted = resource == "cycles" and load_cycle_model(self._target.core.name) is None
        if self._narrowed is None or resource == "stack" or is_counted:
            return []
        return [f"mcuq tune --max-{resource.lower()} {limit} looks for widths of single layers"]


def _modelled(plan: Plan) -> Mapping[Resource, int | None]:
    size, costs = sizes(plan), plan.costs
    parts = ("arena_bytes", "input_bytes", "output_bytes", "state_bytes")
    return {
        "flash": None if costs is None else costs.flash_bytes,
        "RAM": sum(size.get(part, 0) for part in parts),
        "cycles": None if costs is None else costs.run_time,
        "stack": model_view(plan, "net", ()).stack_bytes,
    }
