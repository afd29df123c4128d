"""Functions of one real variable as data: what a 256-entry table is computed from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from mcuq.ir.types import Float64


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """The input."""


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclasses.dataclass(frozen=True, slots=True)
class Apply:
    """A primitive of `FUNCTIONS` applied to expressions."""

    function: str
    arguments: tuple[Expression, ...]

    def __post_init__(self) -> None:
        """Check that the primitive exists."""
        assert self.function in FUNCTIONS, self.function


Expression: TypeAlias = Variable | Number | Apply
X = Variable()


def _sigmoid(x: Float64) -> Float64:
    # Either form overflows on one side only.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _erf(x: Float64) -> Float64:
    return np.array([math.erf(value) for value in x.reshape(-1)], np.float64).reshape(x.shape)


# Primitives in float64; each is the ONNX operator of the same name in snake case.
FUNCTIONS: Mapping[str, Callable[..., Float64]] = MappingProxyType(
    {
        "abs": np.abs,
        "acos": np.arccos,
        "acosh": np.arccosh,
        "add": np.add,
        "asin": np.arcsin,
        "asinh": np.arcsinh,
        "atan": np.arctan,
        "atanh": np.arctanh,
        "ceil": np.ceil,
        "cos": np.cos,
        "cosh": np.cosh,
        "div": np.divide,
        "erf": _erf,
        "exp": np.exp,
        "floor": np.floor,
        "log": np.log,
        "max": np.maximum,
        "min": np.minimum,
        "mul": np.multiply,
        "neg": np.negative,
        "pow": np.power,
        "reciprocal": np.reciprocal,
        "round": np.rint,
        "sigmoid": _sigmoid,
        "sign": np.sign,
        "sin": np.sin,
        "sinh": np.sinh,
        "sqrt": np.sqrt,
        "sub": np.subtract,
        "tan": np.tan,
        "tanh": np.tanh,
    }
)


def evaluate(expression: Expression, x: Float64) -> Float64:
    """The expression's values, elementwise in float64; NaN and infinity where it is undefined.

    >>> evaluate(Apply("add", (X, Number(1.0))), np.array([0.5]))
    array([1.5])
    """
    with np.errstate(all="ignore"):
        return _evaluate(expression, x)


def _evaluate(expression: Expression, x: Float64) -> Float64:
    match expression:
        case Variable():
            return x
        case Number(value):
            return np.full_like(x, value)
        case Apply(function, arguments):
            return FUNCTIONS[function](*(_evaluate(argument, x) for argument in arguments))


def substitute(outer: Expression, inner: Expression) -> Expression:
    """The expression `outer(inner(x))`.

    >>> substitute(Apply("neg", (X,)), Number(2.0))
    Apply(function='neg', arguments=(Number(value=2.0),))
    """
    match outer:
        case Variable():
            return inner
        case Number():
            return outer
        case Apply(function, arguments):
            return Apply(function, tuple(substitute(argument, inner) for argument in arguments))


def size(expression: Expression) -> int:
    """Number of primitives in an expression."""
    if isinstance(expression, Apply):
        return 1 + sum(size(argument) for argument in expression.arguments)
    return 0
