"""The lines of a self-test, found in whatever a terminal recorded."""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from mcuq.errors import McuqError, fail
from mcuq.reading.files import read_file

MAX_LOG_BYTES = 16 << 20
# Terminals put time stamps in front; a name ends where a control character does.
_LINE = re.compile(r"mcuq-(begin|layer|timer|cycles|end)\b([^\x00-\x1f\x7f]{0,400})")
_BEGIN = re.compile(r" ([A-Za-z]\w{0,99}) ([0-9a-f]{16}) (\d{1,6}) (\d{1,6}) *")
_LAYER = re.compile(r" (\d{1,6}) (\d{1,6}) found ([0-9a-f]{8}) expected ([0-9a-f]{8}) (.{0,200})")
_TIMER = re.compile(r" ([a-z]{1,20}) *")
_CYCLES = re.compile(r" (\d{1,6}) (\d{1,10}) (.{0,200})")
_END = re.compile(r" (\d{1,9}) *")

# A vector and a layer, both counted from 0.
LayerPlace: TypeAlias = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class LayerLine:
    """What a device says of one output of a step.

    Args:
        found: CRC-32 of what it computed, eight hexadecimal digits.
        expected: what it was told to expect.
        name: of the layer, as it was printed.
    """

    found: str
    expected: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceLog:
    """One run of a self-test.

    Args:
        path: the file it was read from.
        name: the model's C name.
        build: of the expectations, 16 hexadecimal digits.
        vectors: how many inputs there are.
        layers: how many outputs of steps each has.
        lines: what was said of them, by vector and layer.
        timer: what counted cycles; empty where nothing did.
        cycles: of each layer that was timed.
        is_ended: whether the last line is there.
        damaged: lines of the self-test that make no sense.
    """

    path: Path
    name: str
    build: str
    vectors: int
    layers: int
    lines: Mapping[LayerPlace, LayerLine]
    timer: str
    cycles: Mapping[int, int]
    is_ended: bool
    damaged: int


@dataclasses.dataclass
class _Run:
    """A run while its lines are read."""

    name: str
    build: str
    vectors: int
    layers: int
    lines: dict[LayerPlace, LayerLine] = dataclasses.field(default_factory=dict)
    timer: str = ""
    cycles: dict[int, int] = dataclasses.field(default_factory=dict)
    is_ended: bool = False
    damaged: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing or damaged."""
        return self.is_ended and not self.damaged and len(self.lines) == self.vectors * self.layers

    def take(self, kind: str, rest: str) -> None:
        """One line behind the first."""
        if not (self._take_layer(rest) if kind == "layer" else self._take_other(kind, rest)):
            self.damaged += 1

    def _take_layer(self, rest: str) -> bool:
        found = _LAYER.fullmatch(rest)
        if found is None:
            return False
        place = (int(found[1]), int(found[2]))
        line = LayerLine(found[3], found[4], found[5])
        if place[0] >= self.vectors or place[1] >= self.layers or self.lines.get(place, line) != line:
            return False
        self.lines[place] = line
        return True

    def _take_other(self, kind: str, rest: str) -> bool:
        if kind == "cycles":
            found = _CYCLES.fullmatch(rest)
            is_new = found is not None and int(found[1]) < self.layers and int(found[1]) not in self.cycles
            if found is not None and is_new:
                self.cycles[int(found[1])] = int(found[2])
            return is_new
        if kind == "timer":
            found = _TIMER.fullmatch(rest)
            self.timer = "" if found is None else found[1]
            return found is not None
        self.is_ended = True
        return _END.fullmatch(rest) is not None


def read_log(path: Path) -> DeviceLog:
    """The last whole run in a log, or the last one where none is whole.

    Lines of others are passed over; a line of the self-test may have anything in front, and end in any way.

    Args:
        path: what a terminal recorded, UTF-8 or UTF-16 with its mark.

    Raises:
        McuqError: O012, O014 and O015 as `read_file`, O022 where there is no run in it.
    """
    return parse_log(read_file(path, MAX_LOG_BYTES), path)


def parse_log(data: bytes, path: Path) -> DeviceLog:
    """`read_log` for what was read already.

    Args:
        data: the log.
        path: where it is from, for errors.

    Raises:
        McuqError: O022 where there is no run in it.
    """
    last: _Run | None = None
    whole: _Run | None = None
    for line in _LINE.finditer(_decode(data)):
        kind, rest = line[1], line[2]
        if kind == "begin":
            last = _begin(rest)
        elif last is not None and not last.is_ended:
            last.take(kind, rest)
            whole = last if last.is_whole else whole
    run = whole or last
    if run is None:
        raise _no_run(path)
    return DeviceLog(
        path,
        run.name,
        run.build,
        run.vectors,
        run.layers,
        run.lines,
        run.timer,
        run.cycles,
        run.is_ended,
        run.damaged,
    )


def _decode(data: bytes) -> str:
    """Text of any bytes; some shells record in UTF-16."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return data.decode(name, "replace")
    return data.decode("utf-8", "replace")


def _begin(rest: str) -> _Run | None:
    found = _BEGIN.fullmatch(rest)
    return None if found is None else _Run(found[1], found[2], int(found[3]), int(found[4]))


def _no_run(path: Path) -> McuqError:
    return fail(
        "O022",
        "the log cannot be compared",
        where=str(path),
        why="no line 'mcuq-begin NAME BUILD VECTORS LAYERS' is in it",
        fix="start recording before the device is reset, so that the first line is in the log",
    )
