"""JSON and TOML of others: their depth, their number of values and the size of numbers are bounded."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

from mcuq.errors import McuqError, fail

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_DEPTH = 64
# A list or a dictionary takes some 80 bytes.
MAX_VALUES = 4_000_000
# The parser of TOML is slow, and takes the square of the parts of a dotted key.
MAX_TOML_BYTES = 256 << 10
_MAX_DOTS = MAX_DEPTH
_INTEGER_BITS = 64
_MAX_DIGITS = 400
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class AbsurdText(ValueError):
    """The text nests too deeply, holds too much or has a number beyond any type; the message says which."""


def absurd(where: Path | str, error: AbsurdText) -> McuqError:
    """O017 for a text that is absurd."""
    return fail(
        "O017",
        "a file nests absurdly deeply or holds a number beyond any type",
        where=str(where),
        why=str(error),
        fix="check that it is the right file, and write it again",
    )


def parse_json(
    text: str | bytes, pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None
) -> object:
    """The value of a JSON text; `NaN` and `Infinity` are read, as Python writes them.

    Args:
        text: UTF-8.
        pairs_hook: makes the value of an object from its members.

    Raises:
        AbsurdText: where it goes beyond the limits.
        ValueError: where it is no JSON.
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    count = sum(map(text.count, ",[{:"))
    if count > MAX_VALUES:
        raise AbsurdText(f"it holds up to {count:_} values, the limit is {MAX_VALUES:_}")
    try:
        value: object = json.loads(text, parse_int=_integer, parse_float=_float, object_pairs_hook=pairs_hook)
    except RecursionError:
        raise _too_deep() from None
    found = _strings(value)
    if _SURROGATE.search(text):
        # Half a pair of UTF-16: no file and no terminal can hold it.
        "".join(found).encode("utf-8")
    return value


def parse_toml(text: bytes) -> dict[str, object]:
    """The tables of a TOML file.

    Args:
        text: UTF-8, at most `MAX_TOML_BYTES`.

    Raises:
        AbsurdText: where it goes beyond the limits.
        ValueError: where it is no TOML.
    """
    decoded = text.decode("utf-8")
    if len(text) > MAX_TOML_BYTES:
        raise AbsurdText(f"it has {len(text):_} bytes, the limit is {MAX_TOML_BYTES:_}")
    dots = max(line.count(".") for line in decoded.split("\n") if not line.lstrip().startswith("#"))
    if dots > _MAX_DOTS:
        raise AbsurdText(f"a line has {dots} dots, the limit is {_MAX_DOTS}")
    digits = max(map(len, re.findall("[0-9_]+", decoded)), default=0)
    if digits > _MAX_DIGITS:
        raise AbsurdText(f"a number has {digits} digits, the limit is {_MAX_DIGITS}")
    try:
        document: dict[str, object] = tomllib.loads(decoded)
    except RecursionError:
        raise _too_deep() from None
    _strings(document)
    return document


def _integer(text: str) -> int:
    if len(text) <= _MAX_DIGITS:
        value = int(text)
        if value.bit_length() <= _INTEGER_BITS:
            return value
    raise _too_large(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _too_large(text)
    return value


def _too_large(text: str) -> AbsurdText:
    shown = text if len(text) < 40 else f"{text[:20]}... of {len(text)} digits"
    return AbsurdText(f"the number {shown} is beyond 64 bits")


def _too_deep() -> AbsurdText:
    return AbsurdText(f"it nests more than {MAX_DEPTH} levels")


def _strings(value: object) -> list[str]:
    """All strings and keys inside a value, whose depth and numbers are checked on the way.

    Raises:
        AbsurdText: where they go beyond the limits.
    """
    found: list[str] = []
    level: list[object] = [value]
    for _ in range(MAX_DEPTH + 1):
        following: list[object] = []
        for each in level:
            if isinstance(each, dict):
                found.extend(each)
                following.extend(each.values())
            elif isinstance(each, list):
                following.extend(each)
            elif isinstance(each, str):
                found.append(each)
            elif isinstance(each, int) and each.bit_length() > _INTEGER_BITS:
                raise AbsurdText("an integer is beyond 64 bits")
        if not following:
            return found
        level = following
    raise _too_deep()
