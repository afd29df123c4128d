"""What the machines share: the result of a run and the error for a crash."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mcuq.errors import McuqError, fail
from mcuq.verify.image import Image

INPUT_FILE = "in.bin"
OUTPUT_FILE = "out.bin"


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """What a program did.

    Args:
        exit_code: what its main returned, modulo 256.
        output: what it wrote.
        seconds: wall-clock time, without building.
        instructions: how many it executed, where that was counted.
    """

    exit_code: int
    output: bytes
    seconds: float
    instructions: int | None = None


class Observer(Protocol):
    """What watches an emulated core."""

    def attach(self, core: object) -> None:
        """Add hooks to a core, an `unicorn.Uc`, before it runs."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plugin:
    """A shared library that QEMU loads, for its plugin interface.

    Args:
        library: its file.
        arguments: what it is told.
    """

    library: Path
    arguments: Mapping[str, str]


def crash(image: Image, machine: str, why: str) -> McuqError:
    """The error for a program that did not reach its end.

    Args:
        image: the program.
        machine: where it ran.
        why: what happened, and where in the program.
    """
    return fail(
        "V003",
        f"the program did not reach its end on {machine}",
        where=f"{image.path.name}, core '{image.core.name}', built with {image.toolchain}",
        why=why,
        fix="in generated code this is a bug of mcuq: report it with the model and this text",
    )


def timed_out(image: Image, machine: str, timeout_s: float, place: str = "") -> McuqError:
    """The error for a program that ran too long.

    Args:
        image: the program.
        machine: where it ran.
        timeout_s: the limit.
        place: where it was, if known.
    """
    return crash(image, machine, f"still running after {timeout_s:g} s" + (f", {place}" if place else ""))
