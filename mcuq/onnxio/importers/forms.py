"""Operators on integers (QOperator form) that are operators of ONNX on real values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType


@dataclasses.dataclass(frozen=True, slots=True)
class IntegerForm:
    """How an operator on integers is put together.

    Args:
        name: of the operator on integers, qualified where the domain is not ONNX's own.
        op_type: of the operator on real values.
        inputs: positions of codes, each followed by scale and zero point; () for all from position 2 on.
        output: position of the output's scale, followed by its zero point.
        attributes: those that the operator on real values has too.
        bias: position of int32 codes whose scale is the product of the inputs'.
        inputs_since: attributes that the operator on real values has as inputs, from an opset on.
        changed_in: an opset since which the operator on real values does something else.
    """

    name: str
    op_type: str
    inputs: tuple[int, ...]
    output: int
    attributes: tuple[str, ...] = ()
    bias: int | None = None
    inputs_since: Mapping[str, int] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    changed_in: int | None = None
