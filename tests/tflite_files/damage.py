"""Small TensorFlow Lite files, and ways to damage one."""

from __future__ import annotations

import functools
import struct

import numpy as np

from tests.tflite_files import layers
from tests.truth.tflite import write_network
from tests.truth.tflite_layers import RANDOM, random_layers

_EXTREMES = (0, 1, -1, 2, 127, 255, 1 << 16, 1 << 20, (1 << 31) - 1, -(1 << 31), 1 << 28)


@functools.lru_cache
def sources() -> tuple[bytes, ...]:
    """Files of one layer, of every kind that the tests write."""
    cases = [case for kind in sorted(RANDOM) for case in random_layers(kind, 3)]
    cases += [case for kind in sorted(layers.RANDOM) for case in layers.random_layers(kind, 2)]
    return tuple(write_network(case.network) for case in cases)


def damaged(data: bytes, seed: int) -> bytes:
    """The file with a few changes: bytes, words, cuts, zeros or copies, often in its tables."""
    rng = np.random.default_rng(seed)
    out = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 4, 12]))):
        _DAMAGES[rng.integers(len(_DAMAGES))](out, rng)
    if rng.random() < 0.9:
        out[4:8] = b"TFL3"
    return bytes(out)


def _place(out: bytearray, rng: np.random.Generator) -> int:
    return int(rng.integers(len(out)))


def _byte(out: bytearray, rng: np.random.Generator) -> None:
    out[_place(out, rng)] = int(rng.choice([0, 1, 255, rng.integers(256)]))


def _word(out: bytearray, rng: np.random.Generator) -> None:
    place = _place(out, rng) & ~3
    value = int(rng.choice(_EXTREMES))
    out[place : place + 4] = struct.pack("<i", value)


def _offset(out: bytearray, rng: np.random.Generator) -> None:
    """A word that may point somewhere."""
    place = _place(out, rng) & ~3
    out[place : place + 4] = struct.pack("<i", int(rng.integers(-len(out), len(out))))


def _zeros(out: bytearray, rng: np.random.Generator) -> None:
    place, count = _place(out, rng), int(rng.integers(1, 64))
    out[place : place + count] = bytes(len(out[place : place + count]))


def _copy(out: bytearray, rng: np.random.Generator) -> None:
    source, target, count = _place(out, rng), _place(out, rng), int(rng.integers(4, 64))
    piece = out[source : source + count]
    out[target : target + len(piece)] = piece


def _cut(out: bytearray, rng: np.random.Generator) -> None:
    if rng.random() < 0.3:
        del out[max(_place(out, rng), 8) :]


_DAMAGES = (_byte, _byte, _word, _word, _offset, _zeros, _copy, _cut)
