"""The file of `--config`: its [[override]], [[tie]], [[state]] and [[output]] tables."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, get_args

from mcuq.calibrate.methods import METHODS
from mcuq.calibrate.params import Scheme
from mcuq.errors import McuqError, Problem, all_of, fail
from mcuq.ir.types import FLOAT32_MAX
from mcuq.options import OutputType
from mcuq.reading.files import read_file
from mcuq.reading.text import AbsurdText, absurd, parse_toml
from mcuq.settings import Override, StatePair

_PATTERNS = ("tensor", "op", "node")
_SETTINGS = ("method", "percentile", "range", "scheme", "activation-bits", "weight-bits")
_KEYS = (*_PATTERNS, *_SETTINGS)
_LATER = ("activation_bits", "weight_bits")
_T = TypeVar("_T")


def read_overrides(path: Path) -> tuple[Override, ...]:
    """Read the [[override]] tables of a file.

    Raises:
        McuqError: O012 missing; O004 not TOML; O001 for anything that is not understood, all at once.
    """
    return _read_tables(path, "override", _read_override)


def read_ties(path: Path) -> tuple[tuple[str, ...], ...]:
    """Read the [[tie]] tables of a file: names of inputs and outputs that have one scale and zero point.

    Raises:
        McuqError: as `read_overrides`.
    """
    return _read_tables(path, "tie", _read_tie)


def read_state_pairs(path: Path) -> tuple[StatePair, ...]:
    """Read the [[state]] tables of a file: an input, the output that it becomes, and initial values.

    Raises:
        McuqError: as `read_overrides`.
    """
    return _read_tables(path, "state", _read_pair)


def read_output_types(path: Path) -> dict[str, OutputType]:
    """Read the [[output]] tables of a file: types of outputs by name, by "" of all that have no table.

    Raises:
        McuqError: as `read_overrides`.
    """
    found: dict[str, OutputType] = {}
    _read_tables(path, "output", functools.partial(_read_output, found))
    return found


def wrong(where: str, why: str, fix: str) -> McuqError:
    """The refusal of something in a configuration.

    Args:
        where: the file or the table.
        why: what was found.
        fix: what would be right.
    """
    return fail("O001", "the configuration has no such setting", where=where, why=why, fix=fix)


def config_sha256(overrides: Sequence[Override]) -> str:
    """Hash of what a configuration says; spaces, comments and the order of keys do not count."""
    rows = [_said(each) for each in overrides]
    text = json.dumps(rows, sort_keys=True, default=float.hex)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(override: Override) -> dict[str, object]:
    """Its settings; those that came later than the first hashes only where they say something."""
    row: dict[str, object] = dataclasses.asdict(override)
    return {key: value for key, value in row.items() if key not in _LATER or value is not None}


def _read_tables(path: Path, kind: str, read: Callable[[object, str], _T]) -> tuple[_T, ...]:
    """The tables of one kind, of a file in which there is nothing unknown."""
    try:
        document = parse_toml(read_file(path))
    except AbsurdText as error:
        raise absurd(path, error) from error
    except ValueError as error:
        raise fail(
            "O004",
            "the configuration cannot be read",
            where=str(path),
            why=" ".join(str(error).split()),
            fix="write TOML, see docs/calibration.md",
        ) from error
    tables = document.get(kind, [])
    if set(document) - {"override", "tie", "state", "output"} or not isinstance(tables, list):
        why = f"found {sorted(document)}"
        raise wrong(str(path), why, "only [[override]], [[tie]], [[state]] and [[output]] tables are known")
    places = (f"{path}, {kind} {number}" for number in range(1, len(tables) + 1))
    return all_of(functools.partial(read, *each) for each in zip(tables, places, strict=True))


def _read_tie(table: object, where: str) -> tuple[str, ...]:
    names = table.get("tensors") if isinstance(table, dict) and set(table) == {"tensors"} else None
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not isinstance(names, list) or not is_list or len(set(names)) < 2 or len(set(names)) < len(names):
        raise wrong(where, f"found {table!r}", 'write tensors = ["h", "h_out"]: names, two or more')
    return tuple(names)


def _read_pair(table: object, where: str) -> StatePair:
    found = table if isinstance(table, dict) else {}
    names = [found.get("input"), found.get("output")]
    initial = found.get("initial", [])
    values = initial if isinstance(initial, list) else [initial]
    is_known = set(found) <= {"input", "output", "initial"} and all(isinstance(each, str) for each in names)
    if not is_known or not all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FLOAT32_MAX
        for value in values
    ):
        fix = 'write input = "h", output = "h_out", and initial = 0.5 or a list of one number per element'
        raise wrong(where, f"found {table!r}", fix)
    return StatePair(str(names[0]), str(names[1]), tuple(map(float, values)) or None)


def _read_output(found: dict[str, OutputType], table: object, where: str) -> None:
    """Put one beside those before."""
    known: dict[str, OutputType] = {each: each for each in get_args(OutputType)}
    said = table if isinstance(table, dict) else {}
    name, kind = said.get("name", ""), said.get("type")
    is_name = isinstance(name, str) and ("name" not in said or name != "")
    if not is_name or not isinstance(kind, str) or kind not in known or not set(said) <= {"name", "type"}:
        fix = (
            f'write name = "logits" and type = one of {", ".join(known)}; without a name it is of all others'
        )
        raise wrong(where, f"found {table!r}", fix)
    if name in found:
        raise wrong(where, f"output {name!r} has a table already", "write one table for each output")
    found[name] = known[kind]


class _Wrongs:
    """What is wrong with one table."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._found: list[Problem] = []

    def add(self, why: str, fix: str) -> None:
        """Note one more."""
        self._found += wrong(self._where, why, fix).problems

    def stop(self) -> None:
        """Raise what was found, if anything."""
        if self._found:
            raise McuqError(self._found)


def _read_override(table: object, where: str) -> Override:
    if not isinstance(table, dict):
        raise wrong(where, f"found {table!r}", "write [[override]] tables")
    wrongs = _Wrongs(where)
    for key in filter(lambda key: key not in _KEYS, table):
        near = difflib.get_close_matches(key, _KEYS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_KEYS)}"
        wrongs.add(f"unknown key {key!r}", hint)
    kind, pattern = _read_pattern(table, wrongs)
    if set(table) <= {*_PATTERNS}:
        wrongs.add("it changes nothing", f"give one of {', '.join(_SETTINGS)}")
    method, scheme = table.get("method"), table.get("scheme")
    if method is not None and not (isinstance(method, str) and method in METHODS):
        wrongs.add(f"method {method!r}", f"known are {', '.join(METHODS)}")
    if scheme is not None and scheme not in [each.value for each in Scheme]:
        wrongs.add(f"scheme {scheme!r}", "known are symmetric and asymmetric")
    percent = _read_percent(table, wrongs)
    read = Override(
        kind,
        pattern,
        "percentile" if percent is not None else method,
        percent,
        _read_range(table, wrongs),
        scheme,
        _read_bits(table, "activation-bits", (8, 16), wrongs),
        _read_bits(table, "weight-bits", (4, 8), wrongs),
    )
    wrongs.stop()
    return read


def _read_pattern(table: dict[str, object], wrongs: _Wrongs) -> tuple[str, str]:
    """Its one pattern: what it is compared with, and the text."""
    kinds = [key for key in _PATTERNS if key in table]
    pattern = table[kinds[0]] if len(kinds) == 1 else None
    if not isinstance(pattern, str):
        wrongs.add(f"found {kinds} as patterns", "give one of tensor, op and node, as text")
        return "", ""
    return kinds[0], pattern


def _read_percent(table: dict[str, object], wrongs: _Wrongs) -> float | None:
    percent, method = table.get("percentile"), table.get("method")
    if percent is None:
        return None
    number = _number(percent)
    if number is None or not 50 < number <= 100:
        wrongs.add(f"percentile {percent!r}", "give a number above 50, at most 100")
    if method not in (None, "percentile"):
        wrongs.add(f"percentile with method {method!r}", 'it goes with method = "percentile"')
    return number


def _read_bits(table: dict[str, object], key: str, known: tuple[int, int], wrongs: _Wrongs) -> int | None:
    bits = table.get(key)
    if bits is not None and (not isinstance(bits, int) or isinstance(bits, bool) or bits not in known):
        wrongs.add(f"{key} {bits!r}", f"give {known[0]} or {known[1]}")
    return bits if isinstance(bits, int) else None


def _read_range(table: dict[str, object], wrongs: _Wrongs) -> tuple[float, float] | None:
    limits = table.get("range")
    if limits is None:
        return None
    values = [_number(each) for each in limits] if isinstance(limits, list) else []
    if len(values) == 2 and values[0] is not None and values[1] is not None:
        lo, hi = values[0], values[1]
        if -FLOAT32_MAX <= lo < hi <= FLOAT32_MAX:
            return lo, hi
    wrongs.add(f"range {limits!r}", "give [lo, hi], finite in single precision, lo < hi")
    return None


def _number(value: object) -> float | None:
    """A finite number, None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
