"""Whose kernels compute a program."""

from __future__ import annotations

import dataclasses
import enum

from mcuq.ir.types import require

# Why a library does not compute a step whose time by it nobody knows.
NOT_MEASURED = "the library's time was not measured"


class KernelSet(enum.Enum):
    """Whose kernels compute a program: mcuq's, or those of a library that the user's build brings along."""

    OWN = "own"
    CMSIS_NN = "cmsis-nn"  # wherever the library has the step; mcuq's for the others
    AUTO = "auto"  # the library's where it was measured to be faster, see `LibraryTimes`

    @property
    def library(self) -> str | None:
        """The library's name; None without one."""
        return None if self is KernelSet.OWN else KernelSet.CMSIS_NN.value

    @property
    def package(self) -> str | None:
        """The package of `mcuq.kernels` and folder of `targets` that calls the library; None without one."""
        return None if self.library is None else self.library.replace("-", "_")


@dataclasses.dataclass(frozen=True, slots=True)
class StepTime:
    """What a step takes by mcuq's kernel and by the library.

    Args:
        step: its index in the program.
        own: time by mcuq's kernel.
        library: time by the library.
    """

    step: int
    own: int
    library: int

    def __post_init__(self) -> None:
        """Check that they are times of a step."""
        require(min(self.step, self.own, self.library) >= 0, "times of a step")


@dataclasses.dataclass(frozen=True, slots=True)
class LibraryTimes:
    """What was measured of the steps that a library computes as well, to choose between the two.

    Args:
        target: the core or board on which it was measured.
        flash: the mode of its flash; None for a core.
        unit: of all times, cycles or instructions.
        steps: of each step that the library computes as well.
        own_run: time of a run by mcuq's kernels alone.
        mixed_run: that of a run with the library in all steps in which it is faster; `own_run` where it is in
            none.
    """

    target: str
    flash: str | None
    unit: str
    steps: tuple[StepTime, ...]
    own_run: int
    mixed_run: int

    def __post_init__(self) -> None:
        """Check that every step was measured once."""
        require(len({each.step for each in self.steps}) == len(self.steps), "one measurement of a step")
        require(self.unit in ("cycles", "instructions"), "cycles or instructions")

    def reason(self, step: int) -> str | None:
        """Why the library does not compute a step; None where it does.

        Args:
            step: its index.
        """
        found = next((each for each in self.steps if each.step == step), None)
        if found is None:
            return NOT_MEASURED
        if found.library >= found.own:
            taken = f"the library takes {found.library:,} {self.unit} on {self.target}"
            return f"{taken}, mcuq's kernel {found.own:,}"
        if self.mixed_run >= self.own_run:
            return (
                f"a run with the library where it is faster takes {self.mixed_run:,} {self.unit} on "
                f"{self.target}, one without it {self.own_run:,}"
            )
        return None
