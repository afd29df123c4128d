"""What a verification found."""

from __future__ import annotations

import dataclasses

from mcuq.errors import Problem


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """The first value that differs, in the order of execution.

    Args:
        sample: which input, from 0.
        step: which step, from 0; None when only the build without trace differs.
        layer: the step's name in the model.
        kernel: the C function that computed it.
        element: index into the output, device layout.
        expected: the simulator's code.
        found: the firmware's code.
        differing: how many values of that step differ in that sample.
    """

    sample: int
    step: int | None
    layer: str
    kernel: str
    element: tuple[int, ...]
    expected: int
    found: int
    differing: int

    def problem(self, where: str) -> Problem:
        """The error it is."""
        return Problem(
            "V001",
            f"layer {self.layer!r} computes something else than the simulator",
            f"{where}, sample {self.sample}, step {self.step} ({self.kernel}), element {list(self.element)}",
            f"expected {self.expected}, found {self.found}; {self.differing} values of the layer differ",
            "build it again if its files were changed; otherwise report it with this message",
        )


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of comparing firmware with the simulator.

    Args:
        samples: inputs compared.
        values_compared: codes compared, of all steps and outputs.
        first_difference: None when everything agrees.
        machine: what ran the firmware.
        toolchain: what compiled it.
    """

    samples: int
    values_compared: int
    first_difference: Difference | None
    machine: str
    toolchain: str

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs."""
        return self.first_difference is None

    def to_json(self) -> dict[str, object]:
        """As `mcuq verify --json` prints it."""
        first = None if self.first_difference is None else dataclasses.asdict(self.first_difference)
        return {
            "identical": self.is_identical,
            "values_compared": self.values_compared,
            "first_difference": first,
            "samples": self.samples,
            "machine": self.machine,
            "toolchain": self.toolchain,
        }
