"""Functions of one element, each an expression that becomes a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcuq.ir.expression import Apply, Expression, X
from mcuq.ir.graph import Node
from mcuq.ir.op import Clamp, LoweringRefusal, Operand
from mcuq.ir.program import Step
from mcuq.ir.types import Float32, Float64, QuantParams
from mcuq.onnxio.export.expression import write_expression
from mcuq.onnxio.export.limits import clamped
from mcuq.onnxio.export.qdq_rounding import real, requantized, to_double, whole
from mcuq.onnxio.export.qdq_writer import QdqWriter, Written
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.forms import IntegerForm
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.onnxio.standard import INT32, MICROSOFT
from mcuq.ops.arithmetic import Add, Mul, broadcast_shape
from mcuq.ops.onnx.arithmetic import emit_constant
from mcuq.ops.onnx.by_value import emit_by_value
from mcuq.ops.onnx.emit import emit_uniform
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.functions import FUNCTION_OF, PRIMITIVES, apply, leaky_relu, remainder
from mcuq.ops.requantize import RequantizeStep
from mcuq.ops.table import Requantize, Table, TableStep
from mcuq.ops.unary import Clip

# Functions whose table is recognized; others are looked up.
_KNOWN: tuple[Expression, ...] = (
    Apply("sigmoid", (X,)),
    Apply("tanh", (X,)),
    Apply("mul", (X, Apply("sigmoid", (X,)))),
    Apply("abs", (X,)),
    Apply("exp", (X,)),
    Apply("neg", (X,)),
    Apply("sqrt", (X,)),
)


def read_function(ctx: ImportContext, node: OnnxNode) -> None:
    """A function of one element: a table of 256 entries, merged with those beside it."""
    x = ctx.activation(node.input(0))
    if node.op_type in FUNCTION_OF:
        expression = FUNCTION_OF[node.op_type](node)
    else:
        expression = apply(node.op_type.lower(), X)
    ctx.emit(Table(expression), (x,), node.output)


def read_hard_sigmoid(ctx: ImportContext, node: OnnxNode) -> None:
    """HardSigmoid: a scale, a shift and a clamp, folded into the layer before it where there is one."""
    alpha, beta = node.get_finite("alpha", 0.2), node.get_finite("beta", 0.5)
    x = ctx.activation(node.input(0))
    scaled = emit_uniform(ctx, x, alpha, beta, ctx.temporary(node.output, "scaled"), is_helper=True)
    ctx.emit(Clip(Clamp(0.0, 1.0)), (scaled,), node.output)


def read_prelu(ctx: ImportContext, node: OnnxNode) -> None:
    """PRelu: a table with one slope; with a slope per channel or element `max(x, 0) + slope min(x, 0)`."""
    x = ctx.activation(node.input(0))
    slopes = ctx.weights(node.input(1) or "", "slope")
    if slopes.size and np.all(slopes == slopes.reshape(-1)[0]):
        ctx.emit(Table(leaky_relu(float(slopes.reshape(-1)[0]))), (x,), node.output)
        return
    if broadcast_shape(ctx.shape(x), slopes.shape) != ctx.shape(x):
        raise Refused(
            "M006", f"slopes {slopes.shape} do not fit {ctx.shape(x)}", "train or export the model again"
        )
    names = [ctx.temporary(node.output, role) for role in ("positive", "negative", "scaled")]
    positive = ctx.emit(Clip(Clamp(lo=0.0)), (x,), names[0], is_helper=True)
    negative = ctx.emit(Clip(Clamp(hi=0.0)), (x,), names[1], is_helper=True)
    if not emit_constant(ctx, negative, slopes.astype(np.float64), np.zeros(()), names[2], is_helper=True):
        ctx.emit(Mul(), (negative, ctx.store(slopes, f"{node.output} [slopes]")), names[2], is_helper=True)
    ctx.emit(Add(), (positive, names[2]), node.output)


def read_pow(ctx: ImportContext, node: OnnxNode) -> None:
    """Pow with a constant of up to 16 different numbers as exponent or as base."""
    base, exponent = node.input(0) or "", node.input(1) or ""
    if ctx.is_constant(base) == ctx.is_constant(exponent):
        raise unsupported("both its base and its exponent are computed", "use a constant exponent")
    is_power = ctx.is_constant(exponent)
    x, name = (base, exponent) if is_power else (exponent, base)
    if not is_power and ctx.dtype(base).kind != "f":
        raise unsupported(f"its output has the type of its base, {ctx.dtype(base)}", "store it as float32")

    def function(value: float) -> Expression:
        if is_power and value == 2.0:
            return apply("mul", X, X)
        return apply("pow", X, value) if is_power else apply("pow", value, X)

    emit_by_value(ctx, x, _numbers(ctx, name), function, node.output)


def _numbers(ctx: ImportContext, name: str) -> Float64:
    """A constant operand of any type of numbers."""
    array = ctx.constant(name, "constant operand")
    if array.dtype.kind not in "fiu":
        raise unsupported(f"its constant has type {array.dtype}", "use numbers")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise Refused("M005", "its constant is not finite", "train or export the model again", name)
    return values


def read_mod(ctx: ImportContext, node: OnnxNode) -> None:
    """Mod of a tensor by a constant of up to 16 different numbers."""
    x, name = ctx.activation(node.input(0)), node.input(1) or ""
    divisors = _numbers(ctx, name)
    if (divisors == 0).any():
        raise Refused("M005", "it divides by zero", "train or export the model again", name)
    is_fmod = bool(node.get_int("fmod", 0))
    emit_by_value(ctx, x, divisors, lambda c: remainder(c, has_sign_of_dividend=is_fmod), node.output)


def read_requantize(ctx: ImportContext, node: OnnxNode) -> None:
    """DequantizeLinear, and QuantizeLinear before it: the parameters of the tensor between them."""
    # `mcuq.onnxio.quantized` leaves those that must not be merged with what is beside them.
    ctx.emit(Requantize(), (ctx.activation(node.input(0)),), node.output)


def write_table(writer: OnnxWriter, node: Node) -> None:
    """The nodes of an expression, in the layout of the input."""
    assert isinstance(node.op, Table)
    x, is_nchw = writer.as_stored(node.inputs[0])
    y = clamped(writer, write_expression(writer, node.op.function, x), node.op.clamp)
    writer.define(node.output, y, is_nchw=is_nchw)


def write_requantize(writer: OnnxWriter, node: Node) -> None:
    """Identity: real values stay what they are."""
    x, is_nchw = writer.as_stored(node.inputs[0])
    writer.define(node.output, writer.node("Identity", [x]), is_nchw=is_nchw)


def write_table_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """A requantization, a function that is recognized, or a lookup of codes."""
    assert isinstance(step.op, TableStep)
    tensor = str(step.inputs[0])
    x, is_nchw = writer.as_stored(tensor)
    before, after = writer.quant(tensor), writer.quant(str(step.output))
    function = _recognize(writer, step.op, before, after, writer.shape(tensor))
    if function is X:
        return Written(x, is_nchw)
    if function is not None:
        return Written(write_expression(writer, function, x), is_nchw)
    name = writer.program.tensors[step.output].name
    codes = writer.node("Cast", [writer.quantized(x, before, name)], to=INT32)
    index = writer.node("Add", [codes, writer.constant(np.array(128, np.int32))])
    table = writer.call(f"{step.name}_table").constant(step.op.table)
    found = writer.main("Gather", [table, index], axis=0)
    return Written(writer.dequantized(found, after, name), is_nchw, is_quantized=True)


def write_requantize_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> Written:
    """A requantization to or from int16: that of the output alone, or of whole numbers before it."""
    assert isinstance(step.op, RequantizeStep)
    x, is_nchw = writer.as_stored(str(step.inputs[0]))
    if not writer.is_plain:
        total = to_double(writer, whole(writer, x, writer.quant(str(step.inputs[0])).step))
        y = requantized(writer, total, step.op.requant)
        x = real(writer, y, writer.quant(str(step.output)).step)
    return Written(x, is_nchw)


def _recognize(
    writer: QdqWriter, op: TableStep, x: QuantParams, y: QuantParams, shape: tuple[int, ...]
) -> Expression | None:
    """The function of a table, X for a requantization, None for one that is not known."""
    inputs, output = [Operand(shape, x)], Operand(shape, y)
    try:
        found = Requantize().lower(inputs, output, writer.program.rounding)
        is_requantize = isinstance(found, TableStep) and np.array_equal(found.table, op.table)
    except LoweringRefusal:
        is_requantize = False
    if is_requantize and (writer.is_plain or np.array_equal(_quantized_once(x, y), op.table)):
        return X
    for function in _KNOWN:
        try:
            step = Table(function).lower(inputs, output, writer.program.rounding)
        except LoweringRefusal:
            continue
        if np.array_equal(step.table, op.table):
            return function
    return None


def _quantized_once(x: QuantParams, y: QuantParams) -> Float32:
    """The codes that QuantizeLinear gives for all codes of other parameters, in order."""
    real = (np.arange(-128, 128) - x.zero_point).astype(np.float32) * np.float32(x.step)
    codes: Float32 = np.clip(np.rint(real / np.float32(y.step)) + y.zero_point, -128, 127)
    return codes


FAMILY = Family(
    readers=(
        Reader(read_requantize, ("DequantizeLinear",)),
        Reader(read_function, (*PRIMITIVES, *FUNCTION_OF)),
        Reader(read_hard_sigmoid, ("HardSigmoid",)),
        Reader(read_mod, ("Mod",)),
        Reader(read_prelu, ("PRelu",)),
        Reader(read_pow, ("Pow",)),
    ),
    integer_forms=(
        IntegerForm(f"{MICROSOFT}.QLinearLeakyRelu", "LeakyRelu", (0,), 3, ("alpha",)),
        IntegerForm(f"{MICROSOFT}.QLinearSigmoid", "Sigmoid", (0,), 3),
    ),
    writers={Requantize: write_requantize, Table: write_table},
    step_writers={TableStep: write_table_step, RequantizeStep: write_requantize_step},
)
