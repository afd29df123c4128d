"""Each step of a program as float ONNX nodes between DequantizeLinear and QuantizeLinear."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx

from mcuq.ir.expression import Apply, Expression, X
from mcuq.ir.op import LoweringRefusal, Operand
from mcuq.ir.program import Step, StepOp
from mcuq.ir.types import Float32, QuantParams
from mcuq.onnxio.quantized.rounding import add_from_code_zero, double, real, requantized, whole
from mcuq.onnxio.quantized.writer import QdqWriter
from mcuq.onnxio.write_table import write_expression
from mcuq.onnxio.writer import TO_NCHW, Attribute
from mcuq.ops.argmax import ArgMaxStep
from mcuq.ops.arithmetic import LEFT_SHIFT, AddStep, MulStep
from mcuq.ops.constant import ConstantStep, CopyStep
from mcuq.ops.conv import ConvStep, DepthwiseStep
from mcuq.ops.linear import LinearStep
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep
from mcuq.ops.pad import PadStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.resize import ResizeNearestStep
from mcuq.ops.softmax import SoftmaxStep
from mcuq.ops.table import Requantize, Table, TableStep
from mcuq.ops.unary import ClipStep
from mcuq.ops.window import Window

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


@dataclasses.dataclass(frozen=True, slots=True)
class _Written:
    """What a step computes.

    Args:
        y: the ONNX name of its real values.
        is_nchw: whether they are NCHW.
        is_quantized: whether they are those of codes already, or no real values at all.
    """

    y: str
    is_nchw: bool = False
    is_quantized: bool = False


def write_step(writer: QdqWriter, step: Step, scale: Sequence[float]) -> None:
    """Add the nodes of a step, and those that quantize and dequantize what it computes.

    Args:
        writer: the model under construction.
        step: one of `WRITERS`.
        scale: of its weights.
    """
    output, name, start = str(step.output), _name(writer, step), len(writer.nodes)
    writer.begin(name)
    written = WRITERS[type(step.op)](writer, step, scale)
    y = written.y
    if not written.is_quantized:
        y = writer.pair(writer.name_last(y, start, name), writer.quant(output), name)
    writer.name_nodes(start, step.name)
    writer.define(output, y, is_nchw=written.is_nchw)


def _name(writer: QdqWriter, step: Step) -> str:
    return writer.program.tensors[step.output].name


def _limited(writer: QdqWriter, step: Step, x: str, lo: int, hi: int) -> str:
    """The real limits of a fused activation, as far as the type has no such limit itself."""
    quant = writer.quant(str(step.output))
    if lo == quant.zero_point and hi == 127:
        return writer.node("Relu", [x])
    limits = [
        "" if code == end else writer.constant(np.array(_real(quant, code), np.float32))
        for code, end in ((lo, -128), (hi, 127))
    ]
    return writer.node("Clip", [x, *limits]) if any(limits) else x


def _real(quant: QuantParams, code: int) -> float:
    return quant.step * (code - quant.zero_point)


def _window(window: Window) -> dict[str, Attribute]:
    return {"kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads}


def _write_conv(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    assert isinstance(step.op, ConvStep | DepthwiseStep)
    x, params = str(step.inputs[0]), step.op.params
    groups = step.op.groups if isinstance(step.op, ConvStep) else writer.shape(x)[3]
    weights = writer.codes(params.weights.transpose(0, 3, 1, 2), scale, 0, f"{step.name}.weight")
    operands = _operands(writer, step, writer.nchw(x), weights, scale, (-1, 1, 1, 1))
    attributes = _window(step.op.window)
    y = writer.main("Conv", operands, group=groups, dilations=step.op.window.dilations, **attributes)
    return _Written(_finished(writer, step, y, (-1, 1, 1)), is_nchw=True)


def _operands(
    writer: QdqWriter, step: Step, x: str, weights: str, scale: Sequence[float], shape: Sequence[int]
) -> list[str]:
    """Inputs of a layer: real values with the bias, or whole numbers that it is added to later."""
    if writer.is_plain:
        return [x, weights, _bias(writer, step, scale)]
    scales = np.maximum(np.array(scale, np.float32), np.finfo(np.float32).tiny).reshape(shape)
    return [whole(writer, x, writer.quant(str(step.inputs[0])).step), whole(writer, weights, scales)]


def _bias(writer: QdqWriter, step: Step, scale: Sequence[float]) -> str:
    assert isinstance(step.op, ConvStep | DepthwiseStep | LinearStep)
    x_scale = writer.quant(str(step.inputs[0])).step
    return writer.codes(step.op.params.bias, [x_scale * each for each in scale], 0, f"{step.name}.bias")


def _finished(writer: QdqWriter, step: Step, y: str, shape: Sequence[int]) -> str:
    """The activation of a layer, behind its bias and rounding where it has whole numbers."""
    assert isinstance(step.op, ConvStep | DepthwiseStep | LinearStep)
    params = step.op.params
    if not writer.is_plain:
        bias = writer.call(f"{step.name}.bias_quantized").constant(params.bias)
        bias = writer.reshape(bias, (-1, *shape[1:])) if len(shape) > 1 else bias
        y = writer.node("Add", [double(writer, y), double(writer, bias)])
        y = requantized(writer, y, params.requant, shape)
        y = real(writer, y, writer.quant(str(step.output)).step)
    return _limited(writer, step, y, params.lo, params.hi)


def _write_linear(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    assert isinstance(step.op, LinearStep)
    x, weights = str(step.inputs[0]), step.op.params.weights
    if len(writer.shape(x)) == 2:
        w = writer.codes(weights, scale, 0, f"{step.name}.weight")
        y = writer.main("Gemm", _operands(writer, step, writer.device(x), w, scale, (-1, 1)), transB=1)
    else:
        w = writer.codes(np.ascontiguousarray(weights.T), scale, 1, f"{step.name}.weight")
        operands = _operands(writer, step, writer.device(x), w, scale, (1, -1))
        y = writer.main("MatMul", operands[:2])
        y = writer.node("Add", [y, operands[2]]) if writer.is_plain else y
    return _Written(_finished(writer, step, y, (-1,)))


def _write_join(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    assert isinstance(step.op, AddStep | MulStep)
    names = [str(index) for index in step.inputs]
    is_nchw = all(len(writer.shape(name)) == 4 for name in names) and any(map(writer.has_nchw, names))
    operands = [(writer.nchw if is_nchw else writer.device)(name) for name in names]
    kind = "Mul"
    if isinstance(step.op, AddStep):
        kind = "Sub" if step.op.is_subtraction else "Add"
    y = writer.main(kind, operands) if writer.is_plain else _joined(writer, step, kind, operands)
    return _Written(_limited(writer, step, y, step.op.lo, step.op.hi), is_nchw)


def _joined(writer: QdqWriter, step: Step, kind: str, operands: Sequence[str]) -> str:
    """A sum or product of whole numbers, requantized."""
    op = step.op
    assert isinstance(op, AddStep | MulStep)
    codes = [
        double(writer, whole(writer, x, writer.quant(str(index)).step))
        for x, index in zip(operands, step.inputs, strict=True)
    ]
    if isinstance(op, AddStep):
        left = writer.exact(np.array(2.0**LEFT_SHIFT))
        shifted = [writer.node("Mul", [x, left]) for x in codes]
        scales = (op.a_requant, op.b_requant)
        codes = [requantized(writer, x, scale) for x, scale in zip(shifted, scales, strict=True)]
    y = writer.main(kind, codes)
    y = requantized(writer, y, op.y_requant if isinstance(op, AddStep) else op.requant)
    return real(writer, y, writer.quant(str(step.output)).step)


def _write_pool(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    op, x = step.op, writer.nchw(str(step.inputs[0]))
    if isinstance(op, MaxPoolStep):
        y = writer.main("MaxPool", [x], dilations=op.window.dilations, **_window(op.window))
        return _Written(y, is_nchw=True)
    assert isinstance(op, AveragePoolStep | MeanStep)
    is_included = isinstance(op, AveragePoolStep) and op.count_include_pad
    quant, taps = writer.quant(str(step.output)), op.window.kernel[0] * op.window.kernel[1]
    is_whole = isinstance(op, MeanStep) and not writer.is_plain
    if is_whole:
        x = whole(writer, x, writer.quant(str(step.inputs[0])).step)
    y = writer.main("AveragePool", [x], count_include_pad=int(is_included), **_window(op.window))
    if isinstance(op, AveragePoolStep):
        return _Written(add_from_code_zero(writer, y, quant.step, quant.zero_point, taps), is_nchw=True)
    if is_whole:
        total = double(writer, whole(writer, y, 1 / taps))
        y = real(writer, requantized(writer, total, op.requant), quant.step)
    return _Written(_limited(writer, step, y, op.lo, op.hi), is_nchw=True)


def _write_anywhere(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    """Operators that work in either layout take the one their input exists in."""
    op, name = step.op, str(step.inputs[0])
    is_nchw = writer.has_nchw(name)
    x = (writer.nchw if is_nchw else writer.device)(name)
    if isinstance(op, ClipStep):
        return _Written(_limited(writer, step, x, op.lo, op.hi), is_nchw)
    if isinstance(op, PadStep):
        order = TO_NCHW if is_nchw else range(len(op.pads))
        pads = [op.pads[axis][side] for side in (0, 1) for axis in order]
        value = writer.constant(np.array(_real(writer.quant(name), op.value), np.float32))
        sizes = writer.constant(np.array(pads, np.int64))
        return _Written(writer.main("Pad", [x, sizes, value]), is_nchw)
    assert isinstance(op, ResizeNearestStep)
    for axis, indices in enumerate((op.rows, op.cols), start=2 if is_nchw else 1):
        x = writer.node("Gather", [x, writer.constant(np.array(indices, np.int64))], axis=axis)
    return _Written(x, is_nchw)


def _write_move(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    """Operators that need the layout of the device."""
    op, x = step.op, [writer.device(str(index)) for index in step.inputs]
    if isinstance(op, TransposeStep):
        return _Written(writer.main("Transpose", x, perm=op.perm))
    if isinstance(op, ConcatStep):
        return _Written(writer.main("Concat", x, axis=op.axis))
    if isinstance(op, SoftmaxStep):
        return _Written(writer.main("Softmax", x, axis=-1))
    if isinstance(op, SliceStep):
        spans = (op.starts, op.stops, tuple(range(len(op.starts))), op.steps)
        limits = [writer.constant(np.array(span, np.int64)) for span in spans]
        return _Written(writer.main("Slice", [*x, *limits]))
    assert isinstance(op, ArgMaxStep)
    indices = writer.main("ArgMax", x, axis=-1)
    return _Written(writer.node("Cast", [indices], to=onnx.TensorProto.INT32), is_quantized=True)


def _write_copy(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    if isinstance(step.op, ConstantStep):
        codes = writer.call(f"{step.name}_quantized").constant(step.op.codes)
        y = writer.dequantized(codes, writer.quant(str(step.output)), step.name)
        return _Written(y, is_quantized=True)
    x = str(step.inputs[0])
    is_nchw = writer.has_nchw(x)
    return _Written((writer.nchw if is_nchw else writer.device)(x), is_nchw, is_quantized=True)


def _write_table(writer: QdqWriter, step: Step, scale: Sequence[float]) -> _Written:
    """A requantization, a function that is recognized, or a lookup of codes."""
    assert isinstance(step.op, TableStep)
    name = str(step.inputs[0])
    is_nchw = writer.has_nchw(name)
    x = (writer.nchw if is_nchw else writer.device)(name)
    before, after = writer.quant(name), writer.quant(str(step.output))
    function = _recognize(writer, step.op, before, after, writer.shape(name))
    if function is X:
        return _Written(x, is_nchw)
    if function is not None:
        return _Written(write_expression(writer, function, x), is_nchw)
    codes = writer.node("Cast", [writer.quantized(x, before, _name(writer, step))], to=onnx.TensorProto.INT32)
    index = writer.node("Add", [codes, writer.constant(np.array(128, np.int32))])
    table = writer.call(f"{step.name}_table").constant(step.op.table)
    found = writer.main("Gather", [table, index], axis=0)
    return _Written(writer.dequantized(found, after, _name(writer, step)), is_nchw, is_quantized=True)


def _recognize(
    writer: QdqWriter, op: TableStep, x: QuantParams, y: QuantParams, shape: tuple[int, ...]
) -> Expression | None:
    """The function of a table, X for a requantization, None for one that is not known."""
    inputs, output = [Operand(shape, x)], Operand(shape, y)
    try:
        is_requantize = np.array_equal(
            Requantize().lower(inputs, output, writer.program.rounding).table, op.table
        )
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


WRITERS: Mapping[type[StepOp], Callable[[QdqWriter, Step, Sequence[float]], _Written]] = {
    AddStep: _write_join,
    ArgMaxStep: _write_move,
    AveragePoolStep: _write_pool,
    ClipStep: _write_anywhere,
    ConcatStep: _write_move,
    ConstantStep: _write_copy,
    ConvStep: _write_conv,
    CopyStep: _write_copy,
    DepthwiseStep: _write_conv,
    LinearStep: _write_linear,
    MaxPoolStep: _write_pool,
    MeanStep: _write_pool,
    MulStep: _write_join,
    PadStep: _write_anywhere,
    ResizeNearestStep: _write_anywhere,
    SliceStep: _write_move,
    SoftmaxStep: _write_move,
    TableStep: _write_table,
    TransposeStep: _write_move,
}
