"""Functions of one element as ONNX nodes."""

from __future__ import annotations

import numpy as np

from mcuq.ir.expression import Apply, Expression, Number, Variable
from mcuq.onnxio.export.writer import OnnxWriter


def write_expression(writer: OnnxWriter, expression: Expression, x: str) -> str:
    """Add the nodes of an expression.

    Args:
        writer: the ONNX graph under construction.
        expression: a function of one variable; parts of it that are equal are computed once.
        x: the ONNX name of the variable's tensor.

    Returns:
        The ONNX name of the result, of the shape of x.
    """
    done: dict[Expression, str] = {}

    def write(part: Expression) -> str:
        if isinstance(part, Variable):
            return x
        if part not in done:
            done[part] = _write_part(writer, part, [write(each) for each in _arguments(part)])
        return done[part]

    y = write(expression)
    if isinstance(expression, Number):  # a constant has no shape of its own
        y = writer.node("Add", [writer.node("Mul", [x, writer.constant(np.zeros((), np.float32))]), y])
    return writer.node("Identity", [x]) if y == x else y


def _arguments(part: Expression) -> tuple[Expression, ...]:
    return part.arguments if isinstance(part, Apply) else ()


def _write_part(writer: OnnxWriter, part: Expression, arguments: list[str]) -> str:
    if isinstance(part, Number):
        return writer.constant(np.array(part.value, np.float32))
    assert isinstance(part, Apply)
    return writer.node(part.function.capitalize(), arguments)
