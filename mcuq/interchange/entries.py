"""What every encodings file comes down to: scales and zero points by name, checked one by one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from mcuq.errors import Problem
from mcuq.ir.codec import Json
from mcuq.ir.encodings import Note, Outcome
from mcuq.ir.program import RangeSource, SeenTensor
from mcuq.ir.types import FLOAT32_MAX

Role: TypeAlias = Literal["activation", "weights", "layer", "any"]
_TINY = float(np.finfo(np.float32).tiny)
_MAX_PROBLEMS = 1000
_TITLES = {
    "Q005": "an encoding has a parameter that means nothing",
    "Q006": "an encoding contradicts itself",
    "Q008": "an encoding cannot be read",
    "Q010": "an encoding has a form that is not supported",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """The encoding of one tensor.

    Args:
        name: as in the file.
        role: what the file says it is; "layer" names the weights by the output of their layer.
        scale: float32-exact.
        zero_point: as many, of signed codes.
        axis: of several scales, None where the file does not say.
        limits: of the codes that rounding to these scales may give.
        change: what reading changed.
        bits: of the codes.
    """

    name: str
    role: Role
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None
    limits: tuple[int, int] = (-128, 127)
    change: str | None = None
    bits: int = 8


@dataclasses.dataclass
class File:
    """An encodings file while it is read.

    Args:
        label: its name.
        entries: found so far.
        notes: on what was left out.
        problems: all of the file.
        ranges: where its activations' ranges came from.
        recorded: option pairs of the build that it came from.
        seen: what the calibration of that build saw.
    """

    label: str
    entries: list[Entry] = dataclasses.field(default_factory=list)
    notes: list[Note] = dataclasses.field(default_factory=list)
    problems: list[Problem] = dataclasses.field(default_factory=list)
    ranges: RangeSource = RangeSource.IMPORTED
    recorded: tuple[tuple[str, str], ...] = ()
    seen: tuple[SeenTensor, ...] = ()

    def refuse(self, bad: Bad, name: str) -> None:
        """Note why an entry cannot be used; of very many the first tell enough."""
        if len(self.problems) >= _MAX_PROBLEMS:
            return
        self.problems.append(
            Problem(bad.code, _TITLES[bad.code], f"{self.label}, tensor {name!r}", bad.why, bad.fix)
        )

    def ignore(self, name: str, what: str, why: str) -> None:
        """Note that an entry is left out."""
        self.notes.append(Note(name, what, Outcome.IGNORED, why))


class Bad(Exception):
    """An entry that cannot be used.

    Args:
        why: found and expected values.
        code: of `errors.CODES`.
        fix: what the user can do.
    """

    def __init__(self, why: str, code: str = "Q008", fix: str = "write the file again") -> None:
        """Keep the lines of the message."""
        super().__init__(why)
        self.why, self.code, self.fix = why, code, fix


def unsupported(why: str, fix: str = "quantize to 8 bits with one scale, or one per channel") -> Bad:
    """An entry in a form that mcuq has no arithmetic for."""
    return Bad(why, "Q010", fix)


def make_entry(
    name: str,
    role: Role,
    scale: Sequence[float],
    zero_point: Sequence[int],
    *,
    axis: int | None = None,
    bits: int = 8,
) -> Entry:
    """Check an encoding; scales are rounded to float32.

    Raises:
        Bad: Q005 for scales and zero points that mean nothing, Q010 for other than 8 bits: weights may have
            4, and activations 16 around zero.
    """
    if bits not in (4, 8, 16) or (bits == 4 and role == "activation") or (bits == 16 and role == "weights"):
        raise unsupported(f"it has {bits} bits")
    if len(scale) != len(zero_point) or not scale:
        raise Bad(f"there are {len(scale)} scales and {len(zero_point)} zero points", "Q005")
    rounded = []
    for value in scale:
        # Also false for NaN.
        if not _TINY <= value <= FLOAT32_MAX / 256:
            raise Bad(f"scale {value:g}, expected a positive normal number", "Q005")
        rounded.append(float(np.float32(value)))
    qmin, qmax = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    for zero in zero_point:
        if not min(qmin, -128) <= zero <= max(qmax, 127):
            raise Bad(f"zero point {zero} is no code of {bits} bits", "Q005")
        if bits == 16 and zero:
            why = f"it has 16 bits, and its zero point is {zero} from the middle"
            raise unsupported(why, "quantize to 8 bits, or to 16 symmetrically")
    change = None
    if rounded != list(scale):
        change = f"scale {scale[0]!r} rounded to float32" if len(scale) == 1 else "scales rounded to float32"
    return Entry(name, role, tuple(rounded), tuple(zero_point), axis, (qmin, qmax), change, bits)


def as_dict(value: Json, what: str) -> dict[str, Json]:
    """An object, or `Bad`."""
    if not isinstance(value, dict):
        raise Bad(f"{what} is no object")
    return value


def as_list(value: Json, what: str) -> list[Json]:
    """A list, or `Bad`."""
    if not isinstance(value, list):
        raise Bad(f"{what} is no list")
    return value


def as_text(value: Json, what: str) -> str:
    """A string, or `Bad`."""
    if not isinstance(value, str):
        raise Bad(f"{what} is no text")
    return value


def as_int(value: Json, what: str) -> int:
    """A whole number, or `Bad`."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Bad(f"{what} is {value!r}, expected a whole number")
    return value


def as_float(value: Json, what: str) -> float:
    """A number, possibly NaN or infinite, or `Bad`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Bad(f"{what} is {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def as_floats(value: Json, what: str) -> list[float]:
    """A number or a list of numbers, or `Bad`."""
    if isinstance(value, list):
        return [as_float(each, f"{what}[{index}]") for index, each in enumerate(value)]
    return [as_float(value, what)]


def as_ints(value: Json, what: str) -> list[int]:
    """A whole number or a list of them, or `Bad`."""
    if isinstance(value, list):
        return [as_int(each, f"{what}[{index}]") for index, each in enumerate(value)]
    return [as_int(value, what)]


def member(data: dict[str, Json], key: str) -> Json:
    """A member that must be there."""
    if key not in data:
        raise Bad(f"it has no {key!r}, only {', '.join(map(repr, sorted(data))) or 'nothing'}")
    return data[key]
