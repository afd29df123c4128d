"""What the operators say about the values of a tensor, whatever the input."""

from __future__ import annotations

import math

from mcuq.ir.expression import Apply
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.conv import Conv2d
from mcuq.ops.linear import Linear
from mcuq.ops.move import Reshape, Slice, Transpose
from mcuq.ops.pad import Pad
from mcuq.ops.pool import AveragePool, MaxPool, Mean
from mcuq.ops.resize import ResizeNearest
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip
from mcuq.passes.edit import GraphEdit

# Chains of operators that only move or average values are short; a longer one gives no range.
MAX_DEPTH = 16


def value_range(edit: GraphEdit, tensor: str) -> tuple[float, float]:
    """Limits that every value of a tensor keeps, infinite where there are none."""
    lo, hi = math.inf, -math.inf  # of the borders met on the way
    for _ in range(MAX_DEPTH):
        node = edit.producer(tensor)
        if node is None:
            break
        op = node.op
        if isinstance(op, Table):
            known = _table_range(op)
            return min(lo, known[0]), max(hi, known[1])
        if isinstance(op, Clip | Conv2d | Linear | Add | Mul) or (
            isinstance(op, Mean) and not op.clamp.is_identity
        ):
            return min(lo, op.clamp.lo), max(hi, op.clamp.hi)
        if isinstance(op, Softmax):
            return min(lo, 0.0), max(hi, 1.0)
        if isinstance(op, Pad):
            lo, hi = min(lo, op.value), max(hi, op.value)
        elif isinstance(op, AveragePool) and op.count_include_pad:
            lo, hi = min(lo, 0.0), max(hi, 0.0)
        elif not isinstance(op, Reshape | Transpose | Slice | ResizeNearest | MaxPool | AveragePool | Mean):
            break
        tensor = node.inputs[0]
    return -math.inf, math.inf


# Of primitives that are often the last one of a function.
_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "exp": (0.0, math.inf), "abs": (0.0, math.inf)}


def _table_range(op: Table) -> tuple[float, float]:
    lo, hi = -math.inf, math.inf
    if isinstance(op.function, Apply):
        lo, hi = _RANGES.get(op.function.function, (lo, hi))
    return max(lo, op.clamp.lo), min(hi, op.clamp.hi)
