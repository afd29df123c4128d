"""Functions of one element, each an expression that becomes a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from mcuq.ir.expression import FUNCTIONS, Apply, Expression, Number, X
from mcuq.ir.op import Clamp
from mcuq.onnxio.context import ImportContext
from mcuq.onnxio.emit_affine import emit_uniform
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.table import Table
from mcuq.ops.unary import Clip

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


def _hard_swish() -> Expression:
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
    "HardSwish": lambda node: _hard_swish(),
    "LeakyRelu": lambda node: leaky_relu(node.get_finite("alpha", 0.01)),
    "Mish": lambda node: _mish(),
    "Selu": _selu,
    "Softplus": lambda node: _softplus(),
    "Softsign": lambda node: _softsign(),
    "Swish": _swish,
    "ThresholdedRelu": _thresholded_relu,
}


def import_function(ctx: ImportContext, node: OnnxNode) -> None:
    """A function of one element: a table of 256 entries, merged with those beside it."""
    x = ctx.activation(node.input(0))
    if node.op_type in FUNCTION_OF:
        expression = FUNCTION_OF[node.op_type](node)
    else:
        expression = apply(node.op_type.lower(), X)
    ctx.emit(Table(expression), (x,), node.output)


def import_neg(ctx: ImportContext, node: OnnxNode) -> None:
    """Neg: a scale of -1, folded into the layer before it where there is one."""
    emit_uniform(ctx, ctx.activation(node.input(0)), -1.0, 0.0, node.output)


def import_hard_sigmoid(ctx: ImportContext, node: OnnxNode) -> None:
    """HardSigmoid: a scale, a shift and a clamp, folded into the layer before it where there is one."""
    alpha, beta = node.get_finite("alpha", 0.2), node.get_finite("beta", 0.5)
    x = ctx.activation(node.input(0))
    scaled = emit_uniform(ctx, x, alpha, beta, ctx.temporary(node.output, "scaled"), is_helper=True)
    ctx.emit(Clip(Clamp(0.0, 1.0)), (scaled,), node.output)


def import_prelu(ctx: ImportContext, node: OnnxNode) -> None:
    """PRelu with one slope for all channels."""
    x = ctx.activation(node.input(0))
    slopes = ctx.weights(node.input(1) or "", "slope")
    if slopes.size == 0 or not np.all(slopes == slopes.reshape(-1)[0]):
        raise unsupported(
            f"its {slopes.size} slopes differ", "train with one slope (torch: num_parameters=1) or LeakyReLU"
        )
    ctx.emit(Table(leaky_relu(float(slopes.reshape(-1)[0]))), (x,), node.output)


def import_pow(ctx: ImportContext, node: OnnxNode) -> None:
    """Pow with one constant number as exponent or as base."""
    base, exponent = node.input(0) or "", node.input(1) or ""
    if ctx.is_constant(base) == ctx.is_constant(exponent):
        raise unsupported("both its base and its exponent are computed", "use a constant exponent")
    is_power = ctx.is_constant(exponent)
    x, name = (base, exponent) if is_power else (exponent, base)
    array = ctx.constant(name, "constant operand")
    if array.size != 1 or array.ndim > len(ctx.shape(x)) or array.dtype.kind not in "fiu":
        raise unsupported(f"its constant has shape {array.shape}", "use one number for all elements")
    value = float(array.reshape(-1)[0])
    if not math.isfinite(value):
        raise Refused("M005", f"its constant is {value}", "train or export the model again", name)
    if is_power and value == 2.0:
        function: Expression = apply("mul", X, X)
    else:
        function = apply("pow", X, value) if is_power else apply("pow", value, X)
    ctx.emit(Table(function), (x,), node.output)


assert all(name.lower() in FUNCTIONS for name in PRIMITIVES)
