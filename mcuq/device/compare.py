"""What a device computed beside what the simulator computes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

from mcuq.codegen.selftest import Vector, selftest_vectors
from mcuq.device.log import DeviceLog, LayerPlace
from mcuq.errors import McuqError, Problem, fail
from mcuq.ir.plan import Plan


@dataclasses.dataclass(frozen=True, slots=True)
class Expected:
    """What a self-test has to print.

    Args:
        build: what tells these expectations from others, 16 hexadecimal digits.
        checksums: CRC-32 of every output of a step, by vector.
        names: of the layers they belong to.
    """

    build: str
    checksums: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class LayerDifference:
    """The first output of a step that differs.

    Args:
        vector: the input, from 0.
        layer: the output of a step, from 0.
        name: of the layer.
        expected: CRC-32, eight hexadecimal digits.
        found: likewise.
    """

    vector: int
    layer: int
    name: str
    expected: str
    found: str


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """A log beside what it should say.

    Args:
        log: what a device printed.
        compared: how many outputs of steps.
        differing: how many of these differ.
        missing: how many it says nothing of.
        first: None when none differs.
    """

    log: DeviceLog
    compared: int
    differing: int
    missing: int
    first: LayerDifference | None

    def to_json(self) -> dict[str, object]:
        """As `mcuq compare --json` prints it."""
        return {
            "identical": self.first is None,
            "name": self.log.name,
            "build": self.log.build,
            "vectors": self.log.vectors,
            "layers": self.log.layers,
            "compared": self.compared,
            "differing": self.differing,
            "missing": self.missing,
            "damaged_lines": self.log.damaged,
            "first_difference": None if self.first is None else dataclasses.asdict(self.first),
        }

    def problem(self) -> Problem:
        """The error it is; something has to differ."""
        first = self.first
        assert first is not None
        why = f"expected checksum {first.expected}, found {first.found}"
        why += f"; {self.differing} of {self.compared} differ"
        if self.missing:
            why += f", {self.missing} are missing from the log"
        return Problem(
            "V005",
            f"layer {first.name!r} computes something else on the device than in the simulator",
            f"{self.log.path}, vector {first.vector}, layer {first.layer}",
            why,
            "check compiler, options and core against those that the firmware is for",
        )


def expect(plan: Plan) -> Expected:
    """What a self-test of a plan has to print, from the simulator."""
    vectors = selftest_vectors(plan)
    names = tuple(
        plan.program.steps[index].name
        for index in plan.memory.order
        for _ in plan.program.steps[index].outputs
    )
    return Expected(build_id(vectors), tuple(vector.checksums for vector in vectors), names)


def build_id(vectors: Sequence[Vector]) -> str:
    """What tells a self-test from others: of its inputs and its checksums, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for vector in vectors:
        for codes in vector.inputs:
            digest.update(codes.tobytes())
        digest.update(" ".join(vector.checksums).encode() + b"\n")
    return digest.hexdigest()[:16]


def compare_log(log: DeviceLog, expected: Expected | None = None) -> Comparison:
    """Compare every layer that a log speaks of.

    Args:
        log: what a device printed.
        expected: what it should say; None for what the log itself says that it should.

    Raises:
        McuqError: O022 where the log is of another build, or where nothing differs but not all was compared.
    """
    if expected is not None:
        _check_build(log, expected)
    differences = []
    for place in sorted(log.lines):
        difference = _difference(log, place, expected)
        if difference is not None:
            differences.append(difference)
    missing = log.vectors * log.layers - len(log.lines)
    first = differences[0] if differences else None
    comparison = Comparison(log, len(log.lines), len(differences), missing, first)
    if first is None and (missing or log.damaged or not log.is_ended or not log.lines):
        raise _incomplete(comparison)
    return comparison


def _difference(log: DeviceLog, place: LayerPlace, expected: Expected | None) -> LayerDifference | None:
    line = log.lines[place]
    vector, layer = place
    wanted = line.expected if expected is None else expected.checksums[vector][layer]
    if line.found == wanted:
        return None
    name = line.name if expected is None else expected.names[layer]
    return LayerDifference(vector, layer, name, wanted, line.found)


def _check_build(log: DeviceLog, expected: Expected) -> None:
    counts = (len(expected.checksums), len(expected.names))
    if (log.build, log.vectors, log.layers) != (expected.build, *counts):
        raise fail(
            "O022",
            "the log cannot be compared",
            where=str(log.path),
            why=f"it is of another build: the firmware's is {expected.build} with {counts[0]} vectors of "
            f"{counts[1]} layers, the log's {log.build} with {log.vectors} of {log.layers}",
            fix="give the firmware folder that the image was made from, or make and run the image again",
        )


def _incomplete(comparison: Comparison) -> McuqError:
    log = comparison.log
    whole = log.vectors * log.layers
    parts = [f"{comparison.compared} of {whole} lines of layers are in it, none of which differs"]
    if log.lines and comparison.missing:
        vector, layer = max(log.lines)
        parts.append(f"the last is vector {vector}, layer {layer}")
    parts += [f"{log.damaged} lines are damaged"] if log.damaged else []
    parts += [] if log.is_ended else ["the line 'mcuq-end' is missing"]
    return fail(
        "O022",
        "the log cannot be compared",
        where=str(log.path),
        why="; ".join(parts),
        fix="record it from the reset of the device to 'mcuq-end'; a slower line loses fewer characters",
    )
