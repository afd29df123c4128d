"""When memory that is written in parts holds something that is still read: not always from first to last."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mcuq.ir.program import Program
from mcuq.memory.lifetimes import consumed_inputs

# (first, last) positions in time, ascending and apart.
Spans: TypeAlias = tuple[tuple[int, int], ...]


def merge_spans(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same times with every one said once.

    >>> merge_spans([(4, 6), (0, 2), (5, 9), (1, 1)])
    ((0, 2), (4, 9))
    """
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)


def do_meet(a: Spans, b: Spans) -> bool:
    """Whether two share a time.

    >>> do_meet(((0, 2), (6, 7)), ((3, 5), (7, 9))), do_meet(((0, 2), (6, 7)), ((3, 5),))
    (True, False)
    """
    return any(x[0] <= y[1] and y[0] <= x[1] for x, y in itertools.product(a, b))


def storage_spans(program: Program) -> dict[int, Spans]:
    """For every storage in the arena, when it holds what is still read; in the order of the steps.

    A byte is occupied from the step that writes it to the last that reads it before it is written again.
    """
    written: dict[int, NDArray[np.int32]] = {}
    spans: dict[int, set[tuple[int, int]]] = {}
    for storage in consumed_inputs(program):
        written[storage] = np.zeros(program.tensors[storage].size_bytes, np.int32)
        spans[storage] = {(0, 0)}
    for position, step in enumerate(program.steps):
        for tensor in step.inputs:
            storage, like = program.storage(tensor), program.tensors[tensor]
            if storage in written:
                times = written[storage][like.offset : like.offset + like.size_bytes]
                spans[storage].update((int(time), position) for time in np.unique(times))
        for tensor in step.outputs:
            storage, like = program.storage(tensor), program.tensors[tensor]
            if storage not in written:
                written[storage] = np.zeros(program.tensors[storage].size_bytes, np.int32)
            written[storage][like.offset : like.offset + like.size_bytes] = position
            spans.setdefault(storage, set()).add((position, position))
    return {storage: merge_spans(found) for storage, found in spans.items()}
