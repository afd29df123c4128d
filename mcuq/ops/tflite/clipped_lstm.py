"""UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mcuq.ir.encodings import ConstantEncoding
from mcuq.ir.types import FLOAT32_MAX, Array, DType, QuantParams, elem_count, freeze
from mcuq.onnxio.refusal import Refused, quoted, unsupported
from mcuq.ops.clipped_lstm import CLIPPED_CELL_BITS, ClippedLstm
from mcuq.ops.move import Slice
from mcuq.ops.onnx.emit import reshape
from mcuq.ops.onnx.recurrent import MAX_STEPS
from mcuq.ops.tflite.emit import activation_of
from mcuq.tflite.context import TfliteContext
from mcuq.tflite.node import TfliteNode
from mcuq.tflite.reader import Codes, TfliteReader
from mcuq.tflite.tensor import CONVERT_AGAIN, TfliteTensor, check_scales

_OPTIONS = "UnidirectionalSequenceLSTMOptions"
# Positions of inputs, the gates in ONNX's order: input, output, forget, cell.
_OF_X, _OF_HIDDEN, _BIASES = (1, 4, 2, 3), (5, 8, 6, 7), (12, 15, 13, 14)
_HIDDEN, _CELL = 18, 19
_MORE = {9: "peepholes", 10: "peepholes", 11: "peepholes", 16: "a projection", 17: "a projection"}
_MORE |= dict.fromkeys((20, 21, 22, 23), "layer normalization")


def read_lstm(ctx: TfliteContext, node: TfliteNode) -> None:
    """LSTM over one sequence, with and without a limit of the cell; its states become the firmware's."""
    _check_form(node)
    x, y, hidden, cell = node.input(0), node.output, node.input(_HIDDEN), node.input(_CELL)
    steps, size, units = _sizes(node)
    clip = _clip(node)
    bits = _cell_bits(cell) if ctx.has_codes else _bits_for(clip)
    quant, cell_quant = None, None
    if ctx.has_codes:
        quant, cell_quant = y.quant(), QuantParams((2.0**-bits,), 0, DType.INT16)
        if hidden.quant() != quant:
            raise Refused("Q006", "its output and its hidden state have different parameters", CONVERT_AGAIN)
    zeros = freeze(np.zeros((1, units), np.float32))
    w = _store_rows(ctx, node, _OF_X, (units, size), "W")
    inputs = (
        reshape(ctx, ctx.x(x), (steps, size), ctx.temporary(y.name, "sequence")),
        w,
        _store_biases(ctx, node, w, units),
        _store_rows(ctx, node, _OF_HIDDEN, (units, units), "R"),
        ctx.remembered(hidden.name, zeros.shape, zeros, quant),
        ctx.remembered(cell.name, zeros.shape, zeros, cell_quant),
    )
    states, last_cell = (ctx.temporary(y.name, role) for role in ("hidden", "cell"))
    ctx.emit_several(ClippedLstm(clip, bits), inputs, (states, last_cell))
    if quant is not None and cell_quant is not None:
        ctx.quants[states], ctx.quants[last_cell] = quant, cell_quant
    part = Slice((steps - 1, 0), (steps, units), (1, 1))
    ctx.remember(hidden.name, ctx.emit(part, (states,), ctx.temporary(y.name, "last"), is_helper=True))
    ctx.remember(cell.name, last_cell)
    reshape(ctx, states, y.shape, y.name)


def _check_form(node: TfliteNode) -> None:
    """Refuse kinds of the layer that TensorFlow Lite Micro has not.

    Raises:
        Refused: M002 or M004.
    """
    if node.optional_input(1) is None or node.optional_input(5) is None:
        raise unsupported(
            "its input gate is coupled to the forget gate", "train with an input gate of its own"
        )
    for position, what in _MORE.items():
        if node.optional_input(position) is not None:
            raise unsupported(f"it has {what}", "train the layer without, as Keras's LSTM")
    activation = activation_of(node, _OPTIONS)
    if activation != "TANH":
        raise unsupported(f"its activation is {activation}", "use tanh, the default of Keras's LSTM")
    if node.integer(_OPTIONS, "DiagonalRecurrentTensors"):
        raise unsupported("its recurrent weights are diagonals", "convert them as matrices")
    for position in (_HIDDEN, _CELL):
        state = node.input(position)
        if not state.is_variable or state.is_constant:
            raise Refused("M002", f"its state {quoted(state.name)} is no variable", CONVERT_AGAIN)


def _sizes(node: TfliteNode) -> tuple[int, int, int]:
    """Elements of the sequence, their size, and units.

    Raises:
        Refused: M004, M006 or M011.
    """
    x, y = node.input(0), node.output
    if len(x.shape) != 3 or len(y.shape) != 3:
        raise Refused("M006", f"its input has shape {x.shape}, its output {y.shape}", CONVERT_AGAIN)
    is_time_first = bool(node.integer(_OPTIONS, "TimeMajor"))
    steps, batch = x.shape[:2] if is_time_first else (x.shape[1], x.shape[0])
    if batch != 1:
        raise unsupported(f"it runs over a batch of {batch} sequences", "convert with a batch of 1")
    if steps > MAX_STEPS:
        why = f"its sequence has {steps:_} elements, the limit is {MAX_STEPS:_}"
        raise Refused("M011", why, "shorten it")
    units = y.shape[2]
    for position in (_HIDDEN, _CELL):
        state = node.input(position)
        if elem_count(state.shape) != units:
            raise Refused("M006", f"its state has shape {state.shape} for {units} units", CONVERT_AGAIN)
    return steps, x.shape[2], units


def _clip(node: TfliteNode) -> float:
    """The limit of the cell, 0 where there is none."""
    clip = node.real(_OPTIONS, "CellClip", 0.0)
    return min(clip, FLOAT32_MAX) if clip > 0 else 0.0


def _bits_for(clip: float) -> int:
    """Fraction bits of the cell in a float model: it may be 32, or as much as its limit."""
    return 10 if not 0 < clip < 16 else min(12, 15 - math.ceil(math.log2(max(clip, 1))))


def _cell_bits(cell: TfliteTensor) -> int:
    """Fraction bits of the cell of an integer model.

    Raises:
        Refused: M004 or Q005.
    """
    check_scales(cell)
    if cell.kind != "INT16" or len(cell.scale) != 1 or any(cell.zero_point):
        why = f"its cell has type {cell.kind}, {len(cell.scale)} scales and zero points {cell.zero_point[:3]}"
        raise unsupported(f"{why}, expected int16 with one scale around zero", "convert with an int16 cell")
    bits = next((bits for bits in CLIPPED_CELL_BITS if cell.scale[0] == 2.0**-bits), None)
    if bits is None:
        why = f"the scale of its cell is {cell.scale[0]:g}, no power of two from 2^-15 to 1"
        raise unsupported(why, CONVERT_AGAIN)
    return bits


def _store_rows(
    ctx: TfliteContext, node: TfliteNode, positions: Sequence[int], shape: tuple[int, int], role: str
) -> str:
    """Add the weights of the four gates to the graph, as one.

    Raises:
        Refused: M004 or M006.
    """
    tensors = [node.input(position) for position in positions]
    for each in tensors:
        if each.shape != shape:
            raise Refused(
                "M006",
                f"weights {quoted(each.name)} have shape {each.shape}, expected {shape}",
                CONVERT_AGAIN,
            )
    real = np.concatenate([ctx.weights(each.name, "weights") for each in tensors])
    name = ctx.store(freeze(real.astype(np.float32)), f"{node.output.name} [{role}]")
    ctx.weight_axes[name] = 0
    if not ctx.has_codes:
        return name
    for each in tensors:
        if each.kind != "INT8" or len(each.scale) != 1 or any(each.zero_point):
            why = (
                f"weights {quoted(each.name)} have type {each.kind}, {len(each.scale)} scales and zero points"
            )
            raise unsupported(
                f"{why} {each.zero_point[:3]}, expected int8 with one scale around zero",
                "convert with symmetric int8 weights",
            )
    scale = tuple(each.scale[0] for each in tensors for _ in range(shape[0]))
    codes = freeze(np.concatenate([each.values() for each in tensors]), "int8")
    ctx.encodings[name] = ConstantEncoding(scale, (0,) * len(scale), 0, codes)
    return name


def _store_biases(ctx: TfliteContext, node: TfliteNode, weights: str, units: int) -> str:
    """Add the biases of the four gates to the graph, as one; their integers are added as they are.

    Raises:
        Refused: M004, M006 or Q005.
    """
    tensors, hint = [node.input(position) for position in _BIASES], f"{node.output.name} [B]"
    for each in tensors:
        if each.shape != (units,):
            raise Refused("M006", f"a bias has shape {each.shape} for {units} units", CONVERT_AGAIN)
        if not each.is_constant:
            raise unsupported(f"its bias {quoted(each.name)} is computed at run time", "make it constant")
        if ctx.has_codes and each.kind != "INT32":
            raise unsupported(f"its bias has type {each.kind}", "convert with int32 biases")
    if not ctx.has_codes:
        real: Array = np.concatenate([ctx.weights(each.name, "bias") for each in tensors])
        return ctx.store(freeze(real.astype(np.float32)), hint)
    codes = freeze(np.concatenate([each.values() for each in tensors]), "int32")
    step = (np.array(ctx.encodings[weights].scale) * node.input(0).quant().step).astype(np.float32)
    if not ((step > 0) & np.isfinite(step)).all():
        raise Refused("Q005", "the products of its scales leave float32", CONVERT_AGAIN)
    name = ctx.store(freeze(codes.astype(np.float32) * step), hint)
    scale = tuple(float(each) for each in step)
    ctx.encodings[name] = ConstantEncoding(scale, (0,) * len(scale), 0, codes)
    return name


FAMILY = (TfliteReader(read_lstm, ("UNIDIRECTIONAL_SEQUENCE_LSTM",), Codes.EXACT, remembers=True),)
