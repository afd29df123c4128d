"""Codes to verify with: real samples where there are any, random codes, and the extremes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from mcuq.ir.meant import meant_codes, spread_codes
from mcuq.ir.program import Program
from mcuq.ir.types import Array


def random_codes(program: Program, samples: int, seed: int = 0) -> tuple[Array, ...]:
    """Uniform codes per input port, of those meant, `[samples, *device shape]`, the same everywhere."""
    codes = []
    for number, port in enumerate(program.inputs):
        tensor = program.tensors[port.tensor]
        text = f"mcuq verify, seed {seed}, input {number}".encode()
        raw = hashlib.shake_256(text).digest(samples * tensor.size_bytes)
        stored = tensor.quant.dtype.numpy.newbyteorder("<")
        found = np.frombuffer(raw, stored).reshape(samples, *tensor.shape)
        codes.append(spread_codes(found, meant_codes(program, port.tensor)))
    return tuple(codes)


def standard_inputs(program: Program, samples: Sequence[Array] | None, random: int) -> tuple[Array, ...]:
    """The given codes, `random` random samples, all codes the smallest, all the largest."""
    parts = [random_codes(program, random)] if samples is None else [samples, random_codes(program, random)]
    tensors = [program.tensors[port.tensor] for port in program.inputs]
    for at in (0, 1):
        limits = [(x.quant.dtype.qmin, x.quant.dtype.qmax) for x in tensors]
        parts.append(
            tuple(
                np.full((1, *x.shape), codes[at], x.quant.dtype.numpy)
                for x, codes in zip(tensors, limits, strict=True)
            )
        )
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
