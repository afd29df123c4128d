"""Codes to verify with: real samples where there are any, random codes, and the extremes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from mcuq.ir.program import Program
from mcuq.ir.types import Array, Int8, elem_count


def random_codes(program: Program, samples: int, seed: int = 0) -> tuple[Int8, ...]:
    """Uniform codes per input port, `[samples, *device shape]`, the same everywhere."""
    codes = []
    for number, port in enumerate(program.inputs):
        shape = program.tensors[port.tensor].shape
        text = f"mcuq verify, seed {seed}, input {number}".encode()
        raw = hashlib.shake_256(text).digest(samples * elem_count(shape))
        codes.append(np.frombuffer(raw, np.int8).reshape(samples, *shape))
    return tuple(codes)


def standard_inputs(program: Program, samples: Sequence[Array] | None, random: int) -> tuple[Int8, ...]:
    """The given codes, `random` random samples, all codes -128, all codes 127."""
    parts = [random_codes(program, random)] if samples is None else [samples, random_codes(program, random)]
    for code in (-128, 127):
        shapes = (program.tensors[port.tensor].shape for port in program.inputs)
        parts.append(tuple(np.full((1, *shape), code, np.int8) for shape in shapes))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
