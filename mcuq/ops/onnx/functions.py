"""Operators of one element as expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from mcuq.ir.expression import FUNCTIONS, Apply, Expression, Number, X
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused

# Operators that are a primitive of `ir.expression` under the same name.
PRIMITIVES = (
    "Abs Ceil Cos Erf Exp Floor Log Reciprocal Round Sigmoid Sign Sin Sqrt Tanh".split()
)  # fmt: skip


def _number(value: float | Expression) -> Expression:
    return Number(float(value)) if isinstance(value, int | float) else value


def apply(function: str, *arguments: float | Expression) -> Apply:
    """A primitive of expressions and numbers."""
    return Apply(function, tuple(map(_number, arguments)))


def _expm1_below(alpha: float, divisor: float = 1.0) -> Expression:
    """`alpha (exp(min(x, 0) / divisor) - 1)`, which is 0 for positive x and cannot overflow."""
    below = apply("min", X, 0)
    exponent = below if divisor == 1.0 else apply("div", below, divisor)
    return apply("mul", apply("sub", apply("exp", exponent), 1), alpha)


def _elu(node: OnnxNode) -> Expression:
    return apply("add", apply("max", X, 0), _expm1_below(node.get_finite("alpha", 1.0)))


def _selu(node: OnnxNode) -> Expression:
    gamma = node.get_finite("gamma", 1.0507010221481323)
    below = _expm1_below(node.get_finite("alpha", 1.6732631921768188))
    return apply("mul", apply("add", apply("max", X, 0), below), gamma)


def _celu(node: OnnxNode) -> Expression:
    alpha = node.get_finite("alpha", 1.0)
    if alpha == 0:
        raise Refused("M002", "its alpha is 0, by which it divides", "export the model again")
    return apply("add", apply("max", X, 0), _expm1_below(alpha, alpha))


def leaky_relu(slope: float) -> Expression:
    """`max(x, 0) + slope min(x, 0)`."""
    return apply("add", apply("max", X, 0), apply("mul", apply("min", X, 0), slope))


def _thresholded_relu(node: OnnxNode) -> Expression:
    is_above = apply("max", apply("sign", apply("sub", X, node.get_finite("alpha", 1.0))), 0)
    return apply("mul", X, is_above)


def _softplus() -> Expression:
    """`log(exp(x) + 1)`, written so that it cannot overflow."""
    small = apply("exp", apply("neg", apply("abs", X)))
    return apply("add", apply("max", X, 0), apply("log", apply("add", small, 1)))


def _softsign() -> Expression:
    return apply("div", X, apply("add", apply("abs", X), 1))


def _mish() -> Expression:
    return apply("mul", X, apply("tanh", _softplus()))


def _swish(node: OnnxNode) -> Expression:
    alpha = node.get_finite("alpha", 1.0)
    scaled = X if alpha == 1.0 else apply("mul", X, alpha)
    return apply("mul", X, apply("sigmoid", scaled))


def hard_swish() -> Expression:
    """`x min(max(x / 6 + 1/2, 0), 1)`."""
    scaled = apply("add", apply("mul", X, 1 / 6), 0.5)
    return apply("mul", X, apply("min", apply("max", scaled, 0), 1))


def _gelu(node: OnnxNode) -> Expression:
    approximate = node.get_string("approximate", "none")
    if approximate == "tanh":
        cubic = apply("add", X, apply("mul", apply("mul", X, apply("mul", X, X)), 0.044715))
        inner = apply("tanh", apply("mul", cubic, math.sqrt(2 / math.pi)))
    elif approximate == "none":
        inner = apply("erf", apply("mul", X, math.sqrt(0.5)))
    else:
        raise Refused("M002", f"approximate is '{approximate}'", "export the model again")
    return apply("mul", apply("mul", X, 0.5), apply("add", inner, 1))


FUNCTION_OF: Mapping[str, Callable[[OnnxNode], Expression]] = {
    "Celu": _celu,
    "Elu": _elu,
    "Gelu": _gelu,
    "HardSwish": lambda node: hard_swish(),
    "LeakyRelu": lambda node: leaky_relu(node.get_finite("alpha", 0.01)),
    "Mish": lambda node: _mish(),
    "Selu": _selu,
    "Softplus": lambda node: _softplus(),
    "Softsign": lambda node: _softsign(),
    "Swish": _swish,
    "ThresholdedRelu": _thresholded_relu,
}

assert all(name.lower() in FUNCTIONS for name in PRIMITIVES)
