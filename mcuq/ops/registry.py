"""Every operator of graph and program, by kind: one line per family, all else is found from there."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar

from mcuq.ir.op import Op
from mcuq.ir.program import StepOp

# Modules of this package; what else an operator consists of lies in modules of the same name.
FAMILIES: tuple[str, ...] = (
    "conv",
    "transposed_conv",
    "linear",
    "matmul",
    "normalize",
    "affine",
    "arithmetic",
    "pool",
    "logic",
    "softmax",
    "log_softmax",
    "unary",
    "pad",
    "move",
    "resize",
    "constant",
    "table",
    "argmax",
    "topk",
    "trees",
    "feature_scale",
    "requantize",
    "lstm",
    "clipped_lstm",
    "gru",
    "rnn",
    "lookup",
    "select",
    "svdf",
    "partial_mean",
)

_T = TypeVar("_T")


def _defined(base: type[_T]) -> Iterator[type[_T]]:
    """The concrete subclasses of a base that the families define, in order."""
    for family in FAMILIES:
        module = importlib.import_module(f"mcuq.ops.{family}")
        for each in vars(module).values():
            is_own = inspect.isclass(each) and each.__module__ == module.__name__
            if is_own and issubclass(each, base) and hasattr(each, "kind"):
                yield each


STEP_OPS: Mapping[str, type[StepOp]] = MappingProxyType({op.kind: op for op in _defined(StepOp)})  # type: ignore[type-abstract]
GRAPH_OPS: Mapping[str, type[Op]] = MappingProxyType({op.kind: op for op in _defined(Op)})  # type: ignore[type-abstract]
