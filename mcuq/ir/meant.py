"""Codes that inputs are meant to hold: indices are few of the numbers that their type holds."""

from __future__ import annotations

import numpy as np

from mcuq.ir.program import CodeRange, Program
from mcuq.ir.types import Array

# Of made-up codes one in so many is any of its type: what is no row must do no harm either.
_ANY = 16


def meant_codes(program: Program, tensor: int) -> CodeRange | None:
    """What the steps that read a tensor are meant to find there, None where that is any code."""
    spans = [
        step.op.meant_codes(position)
        for step in program.steps
        for position, read in enumerate(step.inputs)
        if program.storage(read) == program.storage(tensor)
    ]
    known = [span for span in spans if span is not None]
    return (min(lo for lo, _ in known), max(hi for _, hi in known)) if known else None


def spread_codes(raw: Array, meant: CodeRange | None) -> Array:
    """Random codes of a type as codes that are meant, but for one in 16.

    >>> spread_codes(np.arange(-20, -14, dtype=np.int32), (0, 3)).tolist()
    [-20, 1, 2, 3, 0, 1]
    """
    if meant is None:
        return raw
    lo, hi = meant
    inside = lo + (raw.astype(np.int64) - lo) % (hi - lo + 1)
    is_any = np.arange(raw.size).reshape(raw.shape) % _ANY == 0
    return np.where(is_any, raw, inside).astype(raw.dtype)
