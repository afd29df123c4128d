"""What is asked of a build, and which of those that were found answers it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mcuq.tune.figures import Aim, Figures


@dataclasses.dataclass(frozen=True, slots=True)
class CostLimits:
    """What a build may cost at most; None for any.

    Args:
        flash_bytes: of constants and code.
        ram_bytes: of the arena, the buffers of inputs and outputs, and state; not of the stack.
        cycles: of a run.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    cycles: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class BuildLimits(CostLimits):
    """What a build may cost at most, and how good it must be.

    Args:
        flash_bytes: as of `CostLimits`.
        ram_bytes: likewise.
        cycles: likewise.
        agreement: at least, 0 to 1.
        aim: what is best of the builds that keep to all of this.
    """

    agreement: float | None = None
    aim: Aim = "agreement"

    def costs_excess(self, figures: Figures) -> float:
        """By how much a build breaks its worst limit of flash, RAM and cycles, relative to it; 0 for none.

        What the board has no room for counts as twice too large.
        """
        pairs = (
            (figures.flash_bytes, self.flash_bytes),
            (figures.ram_bytes, self.ram_bytes),
            (figures.cycles, self.cycles),
        )
        found = [
            (value - limit) / max(limit, 1)
            for value, limit in pairs
            if value is not None and limit is not None
        ]
        return max([0.0 if figures.fits else 1.0, *found])

    def excess(self, figures: Figures) -> float:
        """As `costs_excess`, with what is missing of the agreement."""
        wrong = 0.0
        if self.agreement is not None and figures.agreement is not None:
            wrong = self.agreement - figures.agreement
        return max(self.costs_excess(figures), wrong)

    def best(self, builds: Sequence[Figures]) -> int:
        """The index of the build that answers best: it breaks no limit, or its worst one by the least."""
        return min(
            range(len(builds)), key=lambda index: (self.excess(builds[index]), self._rank(builds[index]))
        )

    def _rank(self, figures: Figures) -> tuple[float, ...]:
        wrong = 1 - (figures.agreement or 0.0)
        costs = {
            "flash": float(figures.flash_bytes or 0),
            "ram": float(figures.ram_bytes),
            "cycles": float(figures.cycles or 0),
        }
        own = (wrong,) if self.aim == "agreement" else (costs[self.aim],)
        return (*own, wrong, figures.noise, *costs.values())

    def text(self) -> str:
        """What is asked, for people: `flash at most 60,000 B, agreement at least 99.00 %`."""
        parts = []
        if self.flash_bytes is not None:
            parts.append(f"flash at most {self.flash_bytes:,} B")
        if self.ram_bytes is not None:
            parts.append(f"RAM at most {self.ram_bytes:,} B")
        if self.cycles is not None:
            parts.append(f"at most {self.cycles:,} cycles")
        if self.agreement is not None:
            parts.append(f"agreement at least {self.agreement:.2%}")
        return ", ".join(parts)
