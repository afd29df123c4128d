"""SVDF: features, what is remembered of them, and sums over that."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcuq.ir.types import Array, DType, QuantParams, Shape, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.svdf import SvdfFeature, SvdfTime
from mcuq.ops.tflite.emit import activation_of, emit_as_onnx
from mcuq.ops.unary import Clip
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor, check_scales

_OPTIONS = "SVDFOptions"
_RANGE = DType.INT8.qmin, DType.INT8.qmax


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The tensors of a layer, whose shapes fit.

    Args:
        x: `[N, K]`.
        feature: weights `[F, K]`.
        time: weights `[F, M]`.
        bias: `[U]`, None where it is left out.
        state: `[N, F M]`.
    """

    x: TfliteTensor
    feature: TfliteTensor
    time: TfliteTensor
    bias: TfliteTensor | None
    state: TfliteTensor
    units: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        """N, F and M."""
        return self.x.shape[0], self.time.shape[0], self.time.shape[1]


def read_svdf(ctx: TfliteContext, node: TfliteNode) -> None:
    """Layer that remembers features, which becomes state of the firmware; int8 with an int16 memory."""
    layer = _layer(node)
    if ctx.has_codes:
        _read_codes(ctx, node, layer)
    else:
        _read_float(ctx, node, layer)


def _layer(node: TfliteNode) -> _Layer:
    """The layer.

    Raises:
        Refused: M002, M004 or M006.
    """
    x, feature, time, bias, state = *(node.input(i) for i in range(3)), node.optional_input(3), node.input(4)
    rank = node.integer(_OPTIONS, "Rank")
    for each in (feature, time, *([bias] if bias else [])):
        if not each.is_constant or each.is_variable:
            raise unsupported(
                f"{quoted(each.name)} is computed at run time", "make weights and bias constant"
            )
    shapes: tuple[Shape, ...] = x.shape, feature.shape, time.shape
    if any(len(shape) != 2 for shape in shapes) or rank < 1 or feature.shape[0] % rank:
        raise Refused("M006", f"its shapes are {shapes}, its rank {rank}", CONVERT_AGAIN)
    units, memory = feature.shape[0] // rank, feature.shape[0] * time.shape[1]
    expected = (x.shape[1], feature.shape[0], (x.shape[0], memory), (units,))
    found = (feature.shape[1], time.shape[0], state.shape, (units,) if bias is None else bias.shape)
    if found != expected:
        raise Refused("M006", f"its sizes are {found}, expected {expected}", CONVERT_AGAIN)
    if x.is_variable:
        raise unsupported(f"its input {quoted(x.name)} is a variable", "let the state alone be one")
    if not state.is_variable or state.is_constant:
        raise Refused("M002", f"its state {quoted(state.name)} is no variable", CONVERT_AGAIN)
    return _Layer(x, feature, time, bias, state, units)


def _read_codes(ctx: TfliteContext, node: TfliteNode, layer: _Layer) -> None:
    """Add both halves with the integers of the file."""
    state, y = layer.state, node.output
    if ctx.clamp(activation_of(node, _OPTIONS), y).codes(y.quant()) != _RANGE:
        why = "its fused activation limits codes, which TensorFlow Lite Micro does not in integers"
        raise unsupported(why, "calibrate the output for what the activation gives, or convert without it")
    feature, time = _codes(layer.feature, "INT8"), _codes(layer.time, "INT16")
    bias = np.zeros(layer.units, np.int32)
    if layer.bias is not None:
        if layer.bias.kind != "INT32":
            raise unsupported(f"its bias has type {layer.bias.kind}", "convert with int32 biases")
        bias = layer.bias.values().astype(np.int32)
    scale = _only_scale(state, "INT16")
    bias_scale = float(np.float32(scale) * np.float32(layer.time.scale[0]))
    quant = QuantParams((scale,), 0, DType.INT16)
    old = ctx.remembered(state.name, state.shape, freeze(np.zeros(state.shape, np.float32)), quant)
    features = SvdfFeature(_rows(feature), layer.feature.scale[0])
    new = ctx.emit(features, (ctx.x(layer.x), old), ctx.temporary(state.name, "new"))
    ctx.quants[new] = quant
    ctx.remember(state.name, new)
    ctx.emit(SvdfTime(_rows(time), layer.time.scale[0], tuple(bias.tolist()), bias_scale), (new,), y.name)


def _rows(codes: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in codes.tolist())


def _only_scale(tensor: TfliteTensor, kind: str) -> float:
    """The scale of a symmetric tensor of a type.

    Raises:
        Refused: M004 or Q005.
    """
    check_scales(tensor)
    if tensor.kind != kind or len(tensor.scale) != 1 or any(tensor.zero_point):
        why = (
            f"{quoted(tensor.name)} has type {tensor.kind}, {len(tensor.scale)} scales and zero points "
            f"{tensor.zero_point[:3]}, expected {kind} with one scale around zero"
        )
        raise unsupported(why, "convert with int8 activations and an int16 state")
    return tensor.scale[0]


def _codes(tensor: TfliteTensor, kind: str) -> Array:
    _only_scale(tensor, kind)
    return tensor.values()


def _read_float(ctx: TfliteContext, node: TfliteNode, layer: _Layer) -> None:
    """Add a fully connected layer, a memory that moves, and a grouped convolution over it."""
    (rows, filters, memory), state, y = layer.sizes, layer.state, node.output
    if state.kind != "FLOAT32":
        raise unsupported(f"its state has type {state.kind}", "convert the whole model in one type")

    def constant(role: str, values: Array) -> str:
        name = ctx.temporary(y.name, role)
        ctx.values[name] = freeze(values)
        return name

    def step(kind: str, inputs: tuple[str, ...], role: str, **attributes: int) -> str:
        output = ctx.temporary(y.name, role)
        emit_as_onnx(ctx, kind, inputs, output, **attributes)
        return output

    def seen_as(name: str, shape: Shape, role: str) -> str:
        return step("Reshape", (name, constant(f"{role} shape", np.array(shape, np.int64))), role)

    old = ctx.remembered(state.name, state.shape, freeze(np.zeros(state.shape, np.float32)), None)
    weights = constant("feature weights", ctx.weights(layer.feature.name, "weights").T)
    new = step("MatMul", (ctx.x(layer.x), weights), "features")
    if memory > 1:
        new = seen_as(new, (rows, filters, 1), "newest")
        past = seen_as(old, (rows, filters, memory), "past")
        places = (
            constant(role, np.array([at], np.int64))
            for role, at in (("first", 1), ("last", memory), ("axis", 2))
        )
        new = step("Concat", (step("Slice", (past, *places), "older"), new), "memory", axis=2)
        new = seen_as(new, state.shape, "remembered")
    ctx.remember(state.name, new)
    image = seen_as(new, (rows, filters * memory, 1, 1), "image")
    time = ctx.weights(layer.time.name, "weights").reshape(layer.units, -1, 1, 1)
    inputs: tuple[str, ...] = (image, constant("time weights", time))
    if layer.bias is not None:
        inputs += (constant("bias", ctx.weights(layer.bias.name, "bias")),)
    sums = seen_as(step("Conv", inputs, "sums", group=layer.units), (rows, layer.units), "flat")
    ctx.emit(Clip(ctx.clamp(activation_of(node, _OPTIONS), y)), (sums,), y.name, is_helper=True)


FAMILY = (TfliteReader(read_svdf, ("SVDF",), Codes.EXACT, remembers=True),)
