"""Operators of one element as expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from mcuq.ir.expression import FUNCTIONS, Apply, Expression, Number, X
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused

# Operators that are a primitive of `ir.expression` under the same name.
PRIMITIVES = (
    "Abs Acos Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Log Reciprocal Round Sigmoid Sign Sin "
    "Sinh Sqrt Tan Tanh"
).split()


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


def elu(alpha: float) -> Expression:
    """`max(x, 0) + alpha (exp(min(x, 0)) - 1)`."""
    return apply("add", apply("max", X, 0), _expm1_below(alpha))


def _elu(node: OnnxNode) -> Expression:
    return elu(node.get_finite("alpha", 1.0))


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
    return apply("mul", X, _is_above(X, node.get_finite("alpha", 1.0)))


def _is_above(x: Expression, limit: float | Expression) -> Expression:
    """1 where x is above a limit, 0 elsewhere."""
    return apply("max", apply("sign", apply("sub", x, limit)), 0)


def _shrink(node: OnnxNode) -> Expression:
    """`x - bias` above the limit, `x + bias` below its negative, and 0 between."""
    limit, bias = node.get_finite("lambd", 0.5), node.get_finite("bias", 0.0)
    # Above comes second in the standard: where the limit is negative, both hold.
    is_below = _is_above(apply("neg", X), limit)
    is_only_above = apply("mul", _is_above(X, limit), apply("sub", 1, is_below))
    above = apply("mul", apply("sub", X, bias), is_only_above)
    return apply("add", above, apply("mul", apply("add", X, bias), is_below))


def remainder(divisor: float, *, has_sign_of_dividend: bool) -> Expression:
    """`x - divisor q` with the quotient q rounded towards zero, or downwards."""
    quotient = apply("div", X, divisor)
    whole: Expression = apply("floor", quotient)
    if has_sign_of_dividend:
        whole = apply("mul", apply("sign", quotient), apply("floor", apply("abs", quotient)))
    return apply("sub", X, apply("mul", whole, divisor))


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


# A range of codes holds 0 always, for which acosh is not defined: what is below 1 counts as 1.
_ACOSH = apply("acosh", apply("max", X, 1))

FUNCTION_OF: Mapping[str, Callable[[OnnxNode], Expression]] = {
    "Acosh": lambda node: _ACOSH,
    "Celu": _celu,
    "Elu": _elu,
    "Gelu": _gelu,
    "HardSwish": lambda node: hard_swish(),
    "LeakyRelu": lambda node: leaky_relu(node.get_finite("alpha", 0.01)),
    "Mish": lambda node: _mish(),
    "Selu": _selu,
    "Shrink": _shrink,
    "Softplus": lambda node: _softplus(),
    "Softsign": lambda node: _softsign(),
    "Swish": _swish,
    "ThresholdedRelu": _thresholded_relu,
}

assert all(name.lower() in FUNCTIONS for name in PRIMITIVES)
