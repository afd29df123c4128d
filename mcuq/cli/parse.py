"""Option values that are more than a word."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from mcuq.calibrate.arrays import open_npy
from mcuq.errors import all_of, fail
from mcuq.ir.types import FLOAT32_MAX, MAX_TENSOR_ELEMS
from mcuq.options import OutputType
from mcuq.reading.sizes import BYTES, COUNTS, parse_amount


def parse_input_ranges(texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """`NAME=lo:hi`, several times.

    Raises:
        McuqError: O001, for all of them at once.

    >>> parse_input_ranges(["image=0:255"])
    {'image': (0.0, 255.0)}
    """
    return dict(all_of(functools.partial(_input_range, text) for text in texts))


def _input_range(text: str) -> tuple[str, tuple[float, float]]:
    # The name may hold any character; the limits may not.
    name, _, limits = text.rpartition("=")
    lo, _, hi = limits.partition(":")
    try:
        values = float(lo), float(hi)
    except ValueError:
        values = (math.nan, math.nan)
    is_float = all(abs(value) <= FLOAT32_MAX for value in values)
    if not name or not is_float or values[0] >= values[1]:
        raise fail(
            "O001",
            "an option has no such value",
            where=f"--input-range {text!r}",
            why="it must be NAME=lo:hi with lo < hi, both finite in single precision",
            fix="for instance --input-range image=0:255",
        )
    return name, values


def parse_output_types(texts: Sequence[str]) -> dict[str, OutputType]:
    """`int16` for all outputs, `NAME=int16` for one, several times; a name goes before all.

    Raises:
        McuqError: O001.

    >>> parse_output_types(["int8", "logits=int16"])
    {'': 'int8', 'logits': 'int16'}
    """
    found: dict[str, OutputType] = {}
    all_of(functools.partial(_output_type, text, found) for text in texts)
    return found


def _output_type(text: str, found: dict[str, OutputType]) -> None:
    """Put one beside those before."""
    known: dict[str, OutputType] = {each: each for each in get_args(OutputType)}
    # The name may hold any character; the type may not.
    name, equals, word = text.rpartition("=")
    is_twice = name in found and found[name] != known.get(word)
    if word not in known or (equals and not name) or is_twice:
        raise fail(
            "O001",
            "an option has no such value",
            where=f"--output-type {text!r}",
            why=f"it must be {', '.join(known)}, or NAME= and one of these"
            if not is_twice
            else "it has another type already",
            fix="for instance --output-type int16, or --output-type logits=int16",
        )
    found[name] = known[word]


def parse_input_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """`NAME=1,3,32,32`, several times.

    Raises:
        McuqError: O001, for all of them at once.

    >>> parse_input_shapes(["image=1,3,32,32"])
    {'image': (1, 3, 32, 32)}
    """
    return dict(all_of(functools.partial(_input_shape, text) for text in texts))


def _input_shape(text: str) -> tuple[str, tuple[int, ...]]:
    # The name may hold any character; the sizes may not.
    name, _, sizes = text.rpartition("=")
    words = sizes.split(",")
    is_number = all(word.isascii() and word.isdecimal() and 0 < len(word) < 10 for word in words)
    if not name or not is_number or 0 in map(int, words):
        raise fail(
            "O001",
            "an option has no such value",
            where=f"--input-shape {text!r}",
            why="it must be NAME= and positive sizes separated by commas",
            fix="for instance --input-shape image=1,3,32,32",
        )
    return name, tuple(map(int, words))


def parse_initial_values(texts: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """`NAME=0.5` or `NAME=file.npy`, several times.

    Raises:
        McuqError: O001, or as `open_npy` for the file.

    >>> parse_initial_values(["h=0.5"])
    {'h': (0.5,)}
    """
    found: dict[str, tuple[float, ...]] = {}
    all_of(functools.partial(_initial_value, text, found) for text in texts)
    return found


def _initial_value(text: str, found: dict[str, tuple[float, ...]]) -> None:
    """Put one beside those before."""
    # The name may hold any character.
    name, _, value = text.rpartition("=")
    values = _initial_values(value)
    # Written so that NaN is none.
    if not name or name in found or not all(abs(each) <= FLOAT32_MAX for each in values) or not values:
        raise fail(
            "O001",
            "an option has no such value",
            where=f"--state-initial {text!r}",
            why="it must be NAME= and a number or a .npy file of them, finite in single precision, once "
            "for each name",
            fix="for instance --state-initial h=0.5 or --state-initial h=first.npy",
        )
    found[name] = values


def _initial_values(text: str) -> tuple[float, ...]:
    """One number, or all of a file; nothing for anything else."""
    if text.lower().endswith(".npy"):
        array = open_npy(Path(text))
        if math.prod(array.shape) > MAX_TENSOR_ELEMS or not array.shape:
            return ()
        return tuple(np.asarray(array.rows(0, array.shape[0]), np.float64).reshape(-1).tolist())
    try:
        return (float(text),)
    except ValueError:
        return ()


def parse_size(text: str) -> tuple[int, int]:
    """`HxW` in pixels.

    Raises:
        McuqError: O001.

    >>> parse_size("96x64")
    (96, 64)
    """
    height, _, width = text.partition("x")
    # Of more digits int() itself makes no number.
    is_number = all(side.isascii() and side.isdecimal() and len(side) < 10 for side in (height, width))
    if not is_number or not (0 < int(height) < 1 << 16 and 0 < int(width) < 1 << 16):
        raise fail(
            "O001",
            "an option has no such value",
            where=f"--size {text!r}",
            why="it must be HEIGHTxWIDTH in pixels",
            fix="for instance --size 96x96",
        )
    return int(height), int(width)


def parse_floats(option: str, text: str) -> tuple[float, ...]:
    """Numbers separated by commas.

    Raises:
        McuqError: O001.

    >>> parse_floats("--mean", "0.5,0.25")
    (0.5, 0.25)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise fail(
            "O001",
            "an option has no such value",
            where=f"{option} {text!r}",
            why="it must be numbers separated by commas",
            fix=f"for instance {option} 0.5 or {option} 0.485,0.456,0.406",
        ) from None


def parse_limit(option: str, text: str) -> int:
    """A number of bytes or of cycles, with a unit or without.

    Args:
        option: that it is given to; of cycles K and M are powers of 1,000, of bytes of 1,024.
        text: the number.

    Raises:
        McuqError: O001.

    >>> parse_limit("--max-flash", "64K"), parse_limit("--max-cycles", "2M")
    (65536, 2000000)
    """
    is_cycles = option == "--max-cycles"
    unit = "cycles" if is_cycles else "bytes"
    value = parse_amount(text, COUNTS if is_cycles else BYTES)
    if not value:
        raise fail(
            "O001",
            "an option has no such value",
            where=f"{option} {text!r}",
            why=f"it must be a positive number of {unit}, with K, M or G or without",
            fix=f"for instance {option} {'5M' if is_cycles else '64K'}",
        )
    return value


def parse_limits(texts: Mapping[str, str | None]) -> dict[str, int | None]:
    """Several limits by option.

    Args:
        texts: by option, None where it was not given.

    Raises:
        McuqError: O001 for each that is none, all at once.
    """

    def read(option: str, text: str | None) -> tuple[str, int | None]:
        return option, None if text is None else parse_limit(option, text)

    return dict(all_of(functools.partial(read, *each) for each in texts.items()))
