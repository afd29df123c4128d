"""Functions of one element, clips, softmax, and changes of numbers' form."""

from __future__ import annotations

import math

from mcuq.ir.expression import Apply, Number, X
from mcuq.ir.op import Clamp
from mcuq.ir.types import Shape, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.onnx.functions import apply, elu, hard_swish, leaky_relu
from mcuq.ops.softmax import Softmax
from mcuq.ops.table import Requantize, Table
from mcuq.ops.tflite.constants import store_operand
from mcuq.ops.tflite.emit import emit_activation, emit_as_onnx, emit_exact
from mcuq.ops.tflite.tables import (
    abs_codes,
    elu_codes,
    hard_swish_codes,
    leaky_relu_codes,
    logistic_codes,
    prelu_codes,
    relu_codes,
    tanh_codes,
)
from mcuq.ops.unary import Clip
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor

_FUNCTIONS = {
    "ABS": "Abs",
    "CEIL": "Ceil",
    "COS": "Cos",
    "ELU": "Elu",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "HARD_SWISH": "HardSwish",
    "LOG": "Log",
    "LOGISTIC": "Sigmoid",
    "NEG": "Neg",
    "ROUND": "Round",
    "SIGN": "Sign",
    "SIN": "Sin",
    "SQRT": "Sqrt",
    "TANH": "Tanh",
}
_EXACT = {
    "ABS": (apply("abs", X), abs_codes),
    "ELU": (elu(1.0), elu_codes),
    "HARD_SWISH": (hard_swish(), hard_swish_codes),
    "LOGISTIC": (Apply("sigmoid", (X,)), logistic_codes),
    "TANH": (Apply("tanh", (X,)), tanh_codes),
}


def read_clip(ctx: TfliteContext, node: TfliteNode) -> None:
    """Limits; on integers also other parameters before them, RELU6 without."""
    x, y = node.input(0), node.output
    if ctx.has_codes and node.kind == "RELU6" and x.quant() != y.quant():
        # It copies the codes that lie within the limits.
        raise unsupported("its input and output have other parameters", "quantize them alike, or fuse it")
    if ctx.has_codes and x.quant() != y.quant():
        codes = relu_codes(x.quant(), y.quant())
        emit_exact(ctx, Table(Apply("max", (X, Number(0.0))), codes=codes), (ctx.x(x),), node)
        return
    emit_activation(ctx, ctx.x(x), node.kind, node)


def read_relu_0_to_1(ctx: TfliteContext, node: TfliteNode) -> None:
    """Limits 0 and 1."""
    ctx.emit(Clip(Clamp(0.0, 1.0)), (ctx.x(node.input(0)),), node.output.name)


def read_function(ctx: TfliteContext, node: TfliteNode) -> None:
    """A function of one element: a table of 256 entries, merged with those beside it."""
    emit_as_onnx(ctx, _FUNCTIONS[node.kind], (ctx.x(node.input(0)),), node.output.name)


def read_exact_function(ctx: TfliteContext, node: TfliteNode) -> None:
    """A function of one element; on integers the table that TensorFlow Lite's arithmetic gives."""
    if not ctx.has_codes:
        read_function(ctx, node)
        return
    function, codes_of = _EXACT[node.kind]
    x = node.input(0)
    codes = codes_of(x.quant(), node.output.quant())
    emit_exact(ctx, Table(function, codes=codes), (ctx.x(x),), node)


def read_leaky_relu(ctx: TfliteContext, node: TfliteNode) -> None:
    """`max(x, 0) + alpha min(x, 0)`; on integers the table that TensorFlow Lite's scales give."""
    alpha = node.real("LeakyReluOptions", "Alpha", 0.0)
    if not math.isfinite(alpha):
        raise Refused("M005", f"its alpha is {alpha}", CONVERT_AGAIN)
    if ctx.has_codes:
        x = node.input(0)
        codes = leaky_relu_codes(x.quant(), node.output.quant(), alpha)
        emit_exact(ctx, Table(leaky_relu(alpha), codes=codes), (ctx.x(x),), node)
        return
    emit_as_onnx(ctx, "LeakyRelu", (ctx.x(node.input(0)),), node.output.name, alpha=alpha)


def read_prelu(ctx: TfliteContext, node: TfliteNode) -> None:
    """`max(x, 0) + alpha min(x, 0)` with constant slopes, one or one for each channel or element."""
    x, slopes, y = node.input(0), node.input(1), node.output
    if not slopes.is_constant:
        raise unsupported(f"its slopes {quoted(slopes.name)} are computed at run time", "make them constant")
    if not ctx.has_codes:
        emit_as_onnx(ctx, "PRelu", (ctx.x(x), slopes.name), y.name)
        return
    # Of both summands one is zero at least, so that their sum is exact.
    codes = prelu_codes(x.quant(), y.quant())
    name, positive, negative, below = (ctx.x(x), *_names(ctx, y.name, "positive", "negative", "scaled"))
    ctx.emit(Table(apply("max", X, 0.0), codes=codes), (name,), positive, is_helper=True)
    table = tuple(min(code, x.quant().zero_point) for code in range(-128, 128))
    ctx.emit(Table(apply("min", X, 0.0), codes=table), (name,), negative, is_helper=True)
    ctx.emit(Mul(), (negative, store_operand(ctx, slopes, _slope_shape(x, slopes))), below, is_helper=True)
    ctx.quants |= {positive: y.quant(), negative: x.quant(), below: y.quant()}
    kept = ctx.emit(Requantize(), (below,), ctx.temporary(y.name, "kept"), is_helper=True)
    ctx.quants[kept] = y.quant()
    emit_exact(ctx, Add(), (positive, kept), node)


def _slope_shape(x: TfliteTensor, slopes: TfliteTensor) -> Shape:
    """The shape that slopes are stored with: one number is spread, lest it becomes a table."""
    return slopes.shape if math.prod(slopes.shape) > 1 else (1,) * (len(x.shape) - 1) + x.shape[-1:]


def _names(ctx: TfliteContext, output: str, *roles: str) -> tuple[str, ...]:
    return tuple(ctx.temporary(output, role) for role in roles)


def read_l2_normalization(ctx: TfliteContext, node: TfliteNode) -> None:
    """Values over the root of the sum of their squares along the last axis."""
    x = ctx.x(node.input(0))
    emit_as_onnx(ctx, "LpNormalization", (x,), node.output.name, axis=len(node.input(0).shape) - 1)


def read_gelu(ctx: TfliteContext, node: TfliteNode) -> None:
    """GELU, exact or by tanh."""
    kind = "tanh" if node.integer("GeluOptions", "Approximate") else "none"
    emit_as_onnx(ctx, "Gelu", (ctx.x(node.input(0)),), node.output.name, approximate=kind)


def read_square(ctx: TfliteContext, node: TfliteNode) -> None:
    """`x x`."""
    x = ctx.x(node.input(0))
    emit_as_onnx(ctx, "Mul", (x, x), node.output.name)


def read_rsqrt(ctx: TfliteContext, node: TfliteNode) -> None:
    """`1 / sqrt(x)`."""
    root = ctx.temporary(node.output.name, "root")
    emit_as_onnx(ctx, "Sqrt", (ctx.x(node.input(0)),), root)
    emit_as_onnx(ctx, "Reciprocal", (root,), node.output.name)


def read_softmax(ctx: TfliteContext, node: TfliteNode) -> None:
    """Softmax along the last axis with beta 1; on integers the output has scale 1/256 and zero point -128."""
    beta = node.real("SoftmaxOptions", "Beta", 1.0)
    if beta != 1.0:
        raise unsupported(f"its beta is {beta}", "scale the logits instead")
    op = Softmax()
    if ctx.has_codes and node.output.quant() != op.fixed_params():
        raise unsupported("its output has not scale 1/256 and zero point -128", "convert the model again")
    ctx.emit(op, (ctx.x(node.input(0)),), node.output.name)


def read_log_softmax(ctx: TfliteContext, node: TfliteNode) -> None:
    """Logarithm of softmax along the last axis."""
    emit_as_onnx(ctx, "LogSoftmax", (ctx.x(node.input(0)),), node.output.name, axis=-1)


def read_quantize(ctx: TfliteContext, node: TfliteNode) -> None:
    """Real values of an input as codes, codes of 8 bits as others."""
    x, y = node.input(0), node.output
    if x.is_constant:
        raise unsupported(f"its input {quoted(x.name)} is a constant", "fold constants before converting")
    quant, name = y.quant(), ctx.x(x)
    known = ctx.quants.get(name)
    if known is None and not any(name in node.outputs for node in ctx.nodes):
        ctx.quants[name] = quant
    elif known is None or (x.kind == "FLOAT32" and known != quant):
        raise unsupported(
            "it quantizes what float operators compute", "convert with int8 throughout, or float"
        )
    elif known != quant:
        ctx.emit(Requantize(), (name,), y.name)
        return
    ctx.read_as[y.name] = name


def read_dequantize(ctx: TfliteContext, node: TfliteNode) -> None:
    """Constants as float32, and codes of 8 bits as the real values that they stand for."""
    x, y = node.input(0), node.output
    if x.name in ctx.values:
        ctx.values[y.name] = freeze(ctx.values[x.name], "float32")
        return
    ctx.read_as[y.name] = ctx.x(x)


_OWN = "its integer arithmetic in TensorFlow Lite Micro is its own"
_STOPS = "TensorFlow Lite Micro stops where its input is negative"

FAMILY = (
    TfliteReader(read_clip, ("RELU", "RELU6"), Codes.EXACT),
    TfliteReader(read_clip, ("RELU_N1_TO_1",)),
    TfliteReader(read_dequantize, ("DEQUANTIZE",), Codes.EXACT),
    TfliteReader(read_function, tuple(kind for kind in _FUNCTIONS if kind not in _EXACT)),
    TfliteReader(read_exact_function, tuple(_EXACT), Codes.EXACT),
    TfliteReader(read_gelu, ("GELU",)),
    TfliteReader(read_l2_normalization, ("L2_NORMALIZATION",), why=_OWN),
    TfliteReader(read_log_softmax, ("LOG_SOFTMAX",), why=_OWN),
    TfliteReader(read_prelu, ("PRELU",), Codes.EXACT),
    TfliteReader(read_leaky_relu, ("LEAKY_RELU",), Codes.EXACT),
    TfliteReader(read_quantize, ("QUANTIZE",), Codes.EXACT),
    TfliteReader(read_relu_0_to_1, ("RELU_0_TO_1",)),
    TfliteReader(read_rsqrt, ("RSQRT",), why=_STOPS),
    TfliteReader(read_softmax, ("SOFTMAX",), Codes.EXACT),
    TfliteReader(read_square, ("SQUARE",)),
)
