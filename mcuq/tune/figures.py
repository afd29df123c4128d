"""What one build costs and how good it is, and which builds no other one beats."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Literal, TypeAlias

# What a build is judged by; less is better, of agreement and noise as `badness` counts them.
Aim: TypeAlias = Literal["flash", "ram", "cycles", "agreement"]


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """One build.

    Args:
        flash_bytes: constants and code, None where the code of no kernel was measured on the core.
        ram_bytes: arena, state, and the buffers of inputs and outputs.
        cycles: of one run, None where neither kernels nor the core have a model.
        agreement: share of held-out samples with the float model's largest element, 0 to 1; None for outputs
            of one element.
        noise: power of the error over that of the signal, of logits rather than probabilities, on held-out
            samples; summed over outputs.
        program_sha256: of the stored program.
        fits: whether the board has room for it.
    """

    flash_bytes: int | None
    ram_bytes: int
    cycles: int | None
    agreement: float | None
    noise: float
    program_sha256: str
    fits: bool = True

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantization noise ratio; None where there is no error."""
        return -10 * math.log10(self.noise) if self.noise > 0 else None

    def to_json(self) -> dict[str, object]:
        """The fields; floats survive JSON exactly."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Figures:
        """The inverse of `to_json`.

        Raises:
            TypeError: where a field is missing, unknown or of another type.
        """
        for name, value in document.items():
            if type(value) not in _TYPES.get(name, ()):
                raise TypeError(f"{name} is {type(value).__name__}")
        return cls(**document)


# What a field read from a file may be; a float without a fraction may be written as an integer.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "flash_bytes": (int, NoneType),
    "ram_bytes": (int,),
    "cycles": (int, NoneType),
    "agreement": (float, int, NoneType),
    "noise": (float, int),
    "program_sha256": (str,),
    "fits": (bool,),
}


def badness(figures: Figures) -> tuple[float, ...]:
    """Everything a build is judged by as numbers of which less is better; what is not known is equal."""
    return (
        float(figures.flash_bytes or 0),
        float(figures.ram_bytes),
        float(figures.cycles or 0),
        0.0 if figures.agreement is None else 1 - figures.agreement,
        figures.noise,
    )


def beats(first: Figures, second: Figures) -> bool:
    """Whether a build is at least as good as another in everything, and better in something."""
    a, b = badness(first), badness(second)
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def front(builds: Sequence[Figures]) -> list[int]:
    """The indices of builds that no other one beats; of equal ones the first."""
    kept: dict[tuple[float, ...], int] = {}
    for index, each in enumerate(builds):
        if not any(beats(other, each) for other in builds):
            kept.setdefault(badness(each), index)
    return list(kept.values())
