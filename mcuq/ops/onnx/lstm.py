"""Long short-term memory."""

from __future__ import annotations

import numpy as np

from mcuq.ir.graph import Node
from mcuq.ir.types import Array
from mcuq.onnxio.export.writer import OnnxWriter
from mcuq.onnxio.importers.context import ImportContext
from mcuq.onnxio.importers.effect import LAYER
from mcuq.onnxio.importers.reader import Reader
from mcuq.onnxio.node import OnnxNode
from mcuq.onnxio.refusal import Refused, unsupported
from mcuq.ops.lstm import Lstm, LstmStep
from mcuq.ops.onnx.family import Family
from mcuq.ops.onnx.recurrent import (
    Direction,
    define_outputs,
    read_clip,
    read_layers,
    write_layer,
    write_state,
)
from mcuq.ops.onnx.sequences import read_each
from mcuq.ops.table import Requantize

_ACTIVATIONS = ("Sigmoid", "Tanh", "Tanh")


def read_lstm(ctx: ImportContext, node: OnnxNode) -> None:
    """LSTM over up to 16 sequences of constant lengths, in every layout, with the default activations."""
    read_each(ctx, node, _read_one)


def _read_one(ctx: ImportContext, node: OnnxNode) -> None:
    """One sequence of full length."""
    if node.get_int("input_forget", 0):
        raise unsupported("it has input_forget=1", "train with a forget gate of its own")
    clip = read_clip(node)
    layout, layers = read_layers(ctx, node, 4, _ACTIVATIONS, (5, 6))
    peepholes = _peepholes(ctx, node, len(layers), layers[0].units)
    found = [_emit(ctx, layer, clip, peephole) for layer, peephole in zip(layers, peepholes, strict=True)]
    define_outputs(ctx, node, layout, layers, [y for y, _ in found])
    if len(node.outputs) > 2 and node.outputs[2]:
        # int16 inside; other layers read int8.
        narrow = [ctx.emit(Requantize(), (c,), ctx.temporary(c, "int8"), is_helper=True) for _, c in found]
        layout.join_last(ctx, narrow, node.outputs[2])


def _peepholes(ctx: ImportContext, node: OnnxNode, directions: int, units: int) -> Array:
    """`[D, 3H]`, zeros where there are none."""
    name = node.input(7)
    if name is None:
        return np.zeros((directions, 3 * units), np.float32)
    p = ctx.weights(name, "peepholes")
    if p.shape != (directions, 3 * units):
        raise Refused("M006", f"its peepholes have shape {p.shape}, it has {units} units", "export again")
    return p


def _emit(ctx: ImportContext, layer: Direction, clip: float, peephole: Array) -> tuple[str, str]:
    """Add one direction; the names of its hidden states and its last cell."""
    constants = (
        layer.store(ctx, layer.w, "W"),
        layer.store(ctx, layer.x_bias + layer.h_bias, "B"),
        layer.store(ctx, layer.r, "R"),
        layer.store(ctx, peephole.reshape(-1, 1), "P"),
    )
    states: tuple[str, ...] = ()
    if any(layer.states):
        zeros = np.zeros((1, layer.units))
        states = tuple(name or layer.store(ctx, zeros, "zero") for name in layer.states)
    steps = ctx.shape(layer.x)[0]
    # Every element adds at most 1 to the cell.
    bits = 10 if states else next((bits for bits in (12, 11) if steps <= 2 ** (15 - bits)), 10)
    y, c = (ctx.temporary(layer.output, role) for role in ("hidden", "cell"))
    ctx.emit_several(Lstm(layer.is_reverse, clip, bits), (layer.x, *constants, *states), (y, c))
    return y, c


def write_lstm(writer: OnnxWriter, node: Node) -> None:
    """LSTM of one direction."""
    assert isinstance(node.op, Lstm)
    x, w, b, r, p, *states = node.inputs
    constants = writer.graph.constants
    bias = np.concatenate([constants[b], np.zeros_like(constants[b])])
    begins = [write_state(writer, name) for name in states] or ["", ""]
    arrays = (constants[w], constants[r], bias)
    optional = (*begins, writer.constant(constants[p].reshape(1, -1)))
    y, _, c = write_layer(
        writer, "LSTM", x, arrays, optional, 3, is_reverse=node.op.is_reverse, clip=node.op.clip
    )
    writer.define(node.outputs[0], y)
    writer.define(node.outputs[1], c)


FAMILY = Family(
    readers=(Reader(read_lstm, ("LSTM",), LAYER, has_several_outputs=True),),
    writers={Lstm: write_lstm},
    unwritten=frozenset({LstmStep}),
)
